"""The gallery's style sheet."""

STYLE = """
:root {
  --paper: #fbfaf8; --raised: #ffffff; --text: #22252b; --quiet: #666c78; --line: #e4e2dd;
  --strong: #2456b8; --a: #2456b8; --b: #d9822b; --c: #4a9a6b; --d: #a4508b;
  --shadow: 0 1px 2px rgb(30 30 40 / 6%), 0 4px 14px rgb(30 30 40 / 5%);
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15171b; --raised: #1e2127; --text: #e9e9ec; --quiet: #a0a5b0; --line: #31353d;
    --strong: #8db4ff; --a: #7ea6f5; --b: #eba45e; --c: #74c295; --d: #d184ba; --shadow: none;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
body {
  margin: 0; background: var(--paper); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
header, main { max-width: 1240px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 44px; }
h1 { margin: 0 0 10px; font-size: 2.1rem; line-height: 1.15; letter-spacing: -0.02em; }
h2 { margin: 0 0 4px; font-size: 1.35rem; letter-spacing: -0.01em; }
h3 { margin: 0 0 10px; font-size: 1rem; }
h4 {
  margin: 0 0 8px; font-size: 0.72rem; font-weight: 600; letter-spacing: 0.07em;
  text-transform: uppercase; color: var(--quiet);
}
nav { display: flex; flex-wrap: wrap; gap: 6px 18px; }
nav a { color: var(--strong); text-decoration: none; }
nav a:hover, nav a:focus-visible { text-decoration: underline; }
section { padding: 36px 0 8px; }
.note { margin: 0 0 18px; max-width: 72ch; color: var(--quiet); }
article {
  margin: 0 0 22px; padding: 18px; border: 1px solid var(--line); border-radius: 14px;
  background: var(--raised); box-shadow: var(--shadow);
}
.row { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 7fr); gap: 22px; }
.found { border-left: 1px solid var(--line); padding-left: 22px; }
.found:only-child { grid-column: 1 / -1; border: 0; padding: 0; }
ul, ol {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(104px, 1fr)); gap: 14px 12px;
  margin: 0; padding: 0; list-style: none;
}
ol { grid-template-columns: repeat(auto-fill, minmax(128px, 1fr)); }
li:only-child { grid-column: 1 / -1; max-width: 220px; }
figure { position: relative; margin: 0; }
.card img, .blank {
  display: block; width: 100%; height: auto; aspect-ratio: 1; object-fit: cover;
  border-radius: 10px; background: #f3f2ef; border: 1px solid var(--line);
}
.blank {
  display: grid; place-items: center; color: var(--quiet); font-size: 0.75rem;
  background: repeating-linear-gradient(
    135deg, var(--paper) 0 9px, var(--line) 9px 10px);
}
.rank {
  position: absolute; top: 6px; left: 6px; min-width: 20px; padding: 0 6px; border-radius: 10px;
  background: rgb(20 22 28 / 72%); color: #fff; font-size: 0.7rem; line-height: 20px;
  text-align: center;
}
figcaption { margin-top: 6px; font-size: 0.76rem; line-height: 1.35; }
figcaption p { margin: 0; }
.title {
  display: -webkit-box; overflow: hidden; -webkit-box-orient: vertical; -webkit-line-clamp: 2;
}
.subtitle, .parts { color: var(--quiet); }
.parts { font-size: 0.7rem; }
.because { display: flex; align-items: center; gap: 6px; font-size: 0.7rem; color: var(--quiet); }
.because img { width: 40px; height: 40px; object-fit: cover; border-radius: 4px; }
.parts span { display: flex; align-items: baseline; gap: 5px; }
.parts span::before {
  content: ""; width: 7px; height: 7px; border-radius: 2px; background: var(--a);
}
.parts b { margin-left: auto; font-weight: 400; font-variant-numeric: tabular-nums; }
.score { font-variant-numeric: tabular-nums; font-weight: 600; color: var(--strong); }
.bar { display: flex; gap: 1px; height: 4px; margin: 4px 0 3px; }
.bar i { border-radius: 2px; background: var(--a); }
.bar i:nth-child(4n + 2), .parts span:nth-child(4n + 2)::before { background: var(--b); }
.bar i:nth-child(4n + 3), .parts span:nth-child(4n + 3)::before { background: var(--c); }
.bar i:nth-child(4n), .parts span:nth-child(4n)::before { background: var(--d); }
.tables { display: flex; flex-wrap: wrap; gap: 0 22px; align-items: flex-start; }
.tables article { flex: 1 1 320px; overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: 0.92rem; }
caption { padding-bottom: 6px; text-align: left; font-weight: 600; }
th, td { padding: 7px 0 7px 18px; border-top: 1px solid var(--line); text-align: right; }
thead th { border-top: 0; font-size: 0.78rem; color: var(--quiet); font-weight: 600; }
tbody th { font-weight: 400; }
th:first-child { padding-left: 0; text-align: left; }
td { font-variant-numeric: tabular-nums; }
.chart figcaption { margin: 0 0 10px; font-size: 0.92rem; font-weight: 600; }
.chart .note { margin-bottom: 12px; font-size: 0.86rem; }
.bars { display: grid; gap: 7px; font-size: 0.86rem; }
.group { margin: 8px 0 0; color: var(--quiet); font-size: 0.78rem; }
.group:first-child { margin-top: 0; }
.measure {
  display: grid; grid-template-columns: 9rem minmax(0, 1fr) 17rem; gap: 14px; align-items: center;
}
.track { position: relative; height: 16px; }
.track i, .track b { position: absolute; }
.track i {
  top: 0; bottom: 0; min-width: 1px; border-radius: 3px; background: var(--a); opacity: 0.75;
}
.tone1 i { background: var(--b); }
.tone2 i { background: var(--c); }
.tone3 i { background: var(--d); }
.track b { top: 3px; bottom: 3px; border: solid var(--text); border-width: 0 2px; }
.track b::before {
  content: ""; position: absolute; inset: calc(50% - 1px) 0; background: var(--text);
}
.track::before {
  content: ""; position: absolute; left: var(--zero); top: -4px; bottom: -4px; width: 1px;
  background: var(--line);
}
.said { color: var(--quiet); font-variant-numeric: tabular-nums; }
details { margin-top: 14px; }
summary { width: fit-content; color: var(--strong); font-size: 0.86rem; cursor: pointer; }
@media (max-width: 760px) {
  .measure { grid-template-columns: minmax(0, 1fr); gap: 2px; }
  .row { grid-template-columns: minmax(0, 1fr); }
  .found { border-left: 0; padding-left: 0; border-top: 1px solid var(--line); padding-top: 16px; }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
"""
