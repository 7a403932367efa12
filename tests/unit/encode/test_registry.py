import pytest
from sightline.encode.registry import open_encoder
from sightline.errors import EncoderError


def test_attributes_is_carried():
    assert open_encoder("attributes").name == "attributes"


@pytest.mark.parametrize("name", ["openai/clip-vit-base-patch32", "Attributes", ""])
def test_another_encoder_is_refused_by_name_with_what_to_do(name):
    with pytest.raises(EncoderError) as error:
        open_encoder(name)
    assert repr(name) in str(error.value)
    assert "ONNX packs for CLIP come with the next" in str(error.value)
    assert "Leave `language_model_name` out" in str(error.value)
