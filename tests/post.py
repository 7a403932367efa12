"""The post's own model file, word for word: `#` notes inside SQL, its types, its event columns."""

BLOG_YAML = """\
model:
  name: auto_image_recs
connectors:
  - name: items
    type: database
    id: items_source
  - name: events
    type: event_stream
    id: events_source
fetch:
  items: |
    SELECT
      item_id, title, description,
      product_image_url, # <-- Just include the image URL field
      category, price
    FROM items_source
  events: |
    SELECT
      user_id, item_id, event_type,
      event_timestamp
    FROM events_source
"""
