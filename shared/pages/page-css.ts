/** The one stylesheet: system colours and fonts, light and dark by the reader's choice, from 360 px up. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --text: light-dark(#1b1f24, #e6e8eb);
  --quiet: light-dark(#57606a, #9aa4af);
  --ground: light-dark(#fff, #14171b);
  --panel: light-dark(#f6f7f9, #1c2026);
  --line: light-dark(#d5dae0, #343b44);
  --accent: light-dark(#0b57d0, #8ab4f8);
  --on-accent: light-dark(#fff, #10233f);
  --good: light-dark(#116b35, #6fcf8f);
  --bad: light-dark(#b3261e, #f2938c);
  --wait: light-dark(#8a5300, #e9b44c);
  font: 16px/1.5 system-ui, sans-serif;
}
* { box-sizing: border-box; }
body { max-width: 66rem; margin: 0 auto; padding: 1rem; color: var(--text); background: var(--ground); }
h1 { font-size: 1.4rem; margin: .5rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 2px; }
nav { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; justify-content: space-between; }
code, pre, .mono { font-family: ui-monospace, "Cascadia Mono", Menlo, monospace; font-size: .9em; }
code, bdi, td, dd { overflow-wrap: anywhere; }
pre { overflow: auto; max-height: 24rem; margin: .3rem 0; padding: .6rem .8rem; background: var(--panel);
  border: 1px solid var(--line); border-radius: .4rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.quiet { color: var(--quiet); font-size: .9rem; font-weight: 400; }
.message { margin: 0 0 .5rem; padding: .6rem .8rem; border: 1px solid var(--line); border-left: .3rem solid var(--good);
  border-radius: .4rem; background: var(--panel); overflow-wrap: anywhere; }
.message.failed { border-left-color: var(--bad); }
button, .button { font: inherit; padding: .35rem .8rem; border: 1px solid var(--line); border-radius: .4rem; cursor: pointer;
  color: var(--text); background: var(--panel); text-decoration: none; overflow-wrap: normal; }
button.main { color: var(--on-accent); background: var(--accent); border-color: var(--accent); }
button.danger { color: var(--bad); border-color: var(--bad); }
button:hover, .button:hover { border-color: var(--accent); }
button:disabled { opacity: .6; cursor: default; }
input, select, textarea { font: inherit; width: 100%; padding: .35rem .5rem; color: var(--text);
  background: var(--ground); border: 1px solid var(--quiet); border-radius: .3rem; }
input[type=checkbox] { width: auto; margin-right: .4rem; }
label { display: block; }
.fields { display: grid; gap: .8rem; max-width: 40rem; margin: .8rem 0; justify-items: start; }
.fields > label, .fields > div { width: 100%; }
.actions { display: flex; flex-wrap: wrap; gap: .6rem; align-items: end; margin: .8rem 0; }
.actions form { display: flex; flex-wrap: wrap; gap: .4rem; align-items: center; margin: 0; }
.actions select, .actions label { width: auto; }
details { margin: .6rem 0; padding: .4rem .8rem; border: 1px solid var(--line); border-radius: .4rem; }
summary { cursor: pointer; font-weight: 600; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1rem; }
dl.facts dt { color: var(--quiet); }
dd { margin: 0; }
table { width: 100%; border-collapse: collapse; }
caption { text-align: left; color: var(--quiet); font-size: .9rem; padding-bottom: .3rem; }
th, td { padding: .5rem .6rem .5rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
thead th { color: var(--quiet); font-size: .85rem; white-space: nowrap; }
td ol { margin: 0; padding-left: 1.4rem; }
.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
.state { display: inline-flex; gap: .35rem; align-items: center; white-space: nowrap; font-weight: 600; }
.state.good { color: var(--good); }
.state.bad { color: var(--bad); }
.state.wait { color: var(--wait); }
.chart { display: block; width: 100%; max-width: 15rem; height: 2.5rem; }
.chart .good { fill: var(--good); }
.chart .bad { fill: var(--bad); }
.chart line { stroke: var(--line); }
.filters { display: flex; flex-wrap: wrap; gap: .4rem 1rem; padding: 0; list-style: none; }
.filters [aria-current] { font-weight: 700; color: var(--text); }
@media (max-width: 45rem) {
  dl.facts { grid-template-columns: 1fr; gap: 0; }
  dl.facts dd { margin-bottom: .5rem; }
  table, caption, tbody, tr, th, td { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { padding: .6rem 0; border-bottom: 1px solid var(--line); }
  tbody th, td { padding: .1rem 0; border: 0; }
  td[data-label]::before { content: attr(data-label) ": "; color: var(--quiet); font-size: .85rem; }
}
@media (prefers-reduced-motion: no-preference) { button { transition: border-color .1s; } }
`;
