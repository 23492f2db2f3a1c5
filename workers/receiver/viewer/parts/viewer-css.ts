/** What the viewer adds to the stylesheet of every page. */
export const STYLE = `
body { max-width: 78rem; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.tabs { display: flex; flex-wrap: wrap; gap: .2rem; margin: 0; padding: 0; list-style: none; }
.tabs a { display: block; padding: .25rem .7rem; border-radius: .4rem; color: var(--text); text-decoration: none; }
.tabs a:hover { background: var(--panel); }
.tabs a[aria-current] { background: var(--panel); box-shadow: inset 0 0 0 1px var(--line); font-weight: 600; }
nav[aria-label=Page] { padding-bottom: .6rem; border-bottom: 1px solid var(--line); }
.title { display: flex; flex-wrap: wrap; gap: .2rem 1rem; align-items: center; margin-top: .4rem; }
.refusal { padding: .2rem 0 .6rem; border-bottom: 1px solid var(--line); }
.refusal h2 { margin: .6rem 0 0; font-size: 1rem; }
.refusal p { margin: .2rem 0; overflow-wrap: anywhere; }
.pill { display: inline-flex; gap: .4rem; align-items: center; margin: 0; padding: .1rem .7rem; border-radius: 1rem;
  border: 1px solid var(--line); font-size: .9rem; }
.pill[hidden] { display: none; }
.pill::before { content: ""; width: .55rem; height: .55rem; border-radius: 50%; background: var(--wait); }
.pill[data-state=live]::before { background: var(--good); }
.pill[data-state=reconnecting]::before { background: var(--bad); }
.new { position: sticky; top: .5rem; z-index: 1; display: block; width: max-content; margin: .3rem auto; padding: .3rem 1rem;
  border-radius: 1rem; color: var(--on-accent); background: var(--accent); text-decoration: none; }
.new[hidden] { display: none; }
.arrivals { flex: 1 1 16rem; max-width: 32rem; margin: .3rem 0 0 auto; }
.arrivals svg { display: block; width: 100%; height: 2.6rem; }
.arrivals rect { fill: var(--accent); }
.arrivals rect.none { fill: var(--quiet); opacity: .5; }
.arrivals summary { font-size: .85rem; font-weight: 400; color: var(--quiet); }
.arrivals details { margin: 0; padding: 0; border: 0; }
.arrivals ol { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: 0 1rem; padding: 0;
  list-style: none; font-size: .85rem; }
form.search { display: grid; grid-template-columns: 1fr auto; gap: .3rem .5rem; align-items: end; margin: .8rem 0 .4rem; }
form.search details { grid-column: 1 / -1; margin: 0; padding: 0; border: 0; }
form.search summary { font-size: .9rem; font-weight: 400; color: var(--quiet); }
form.search .more { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .5rem; }
form.search label { color: var(--quiet); font-size: .85rem; }
.chips { display: flex; flex-wrap: wrap; gap: .4rem; align-items: center; margin: .4rem 0; padding: 0; list-style: none;
  font-size: .9rem; }
.chips a { display: inline-block; max-width: 100%; padding: .05rem .6rem; border: 1px solid var(--line); border-radius: 1rem;
  color: var(--text); text-decoration: none; overflow-wrap: anywhere; }
.chips a:hover { border-color: var(--accent); }
.chips a[aria-current] { color: var(--on-accent); background: var(--accent); border-color: var(--accent); }
.check .state { padding: 0 .55rem; border-radius: 1rem; background: color-mix(in srgb, currentColor 9%, transparent);
  font-size: .9rem; }
.events .check .quiet { display: block; }
.events { table-layout: fixed; }
.events thead th:nth-child(2) { width: 11rem; }
.events thead th:nth-child(3) { width: 9rem; }
.events thead th:nth-child(4) { width: 7rem; }
.events thead th:nth-child(5) { width: 13rem; }
.events tbody th a, .events tbody th code { display: block; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
.events bdi { overflow-wrap: normal; }
.events td:nth-child(3) { overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
.events th, .events td { padding: .3rem .8rem .3rem 0; }
.events td:last-child, .events thead th:last-child { padding-right: 0; text-align: right; }
.events td:nth-child(4), .events thead th:nth-child(4) { text-align: right; }
.events tbody th a { font-weight: 600; text-decoration: none; }
.events tbody th a:hover { text-decoration: underline; }
.events a.plain { color: var(--text); text-decoration-color: var(--line); }
.events tbody tr:focus-within, .events tbody tr:hover { background: var(--panel); }
.events .moment { color: var(--quiet); font-size: .85rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
.ago { font-variant-numeric: tabular-nums; white-space: nowrap; }
.pages { margin: .8rem 0; justify-content: start; }
.keys { display: flex; flex-wrap: wrap; gap: .2rem 1.5rem; color: var(--quiet); font-size: .85rem; }
.keys [hidden] { display: none; }
kbd { padding: 0 .35rem; border: 1px solid var(--line); border-radius: .25rem; font: .85em ui-monospace, monospace; }
.snippet { position: relative; margin: .5rem 0; }
.snippet pre { padding-right: 5rem; }
.snippet .copy { position: absolute; top: .4rem; right: .4rem; padding: .1rem .6rem; font-size: .85rem; }
.copy[hidden] { display: none; }
.headers td, .headers th { padding: .15rem .8rem .15rem 0; font-size: .9rem; }
.headers th { font-weight: 400; color: var(--quiet); white-space: normal; overflow-wrap: anywhere; min-width: 8rem; }
.headers .copy { padding: 0 .5rem; font-size: .8rem; }
.headers td:last-child { width: 4rem; text-align: right; }
.hex { white-space: pre; overflow-wrap: normal; }
.body { max-height: 44rem; }
.json { overflow: auto; margin: .3rem 0; padding: .6rem .8rem .6rem 1.8rem; border: 1px solid var(--line);
  border-radius: .4rem; background: var(--panel); white-space: pre-wrap; overflow-wrap: anywhere; }
.json details { margin: 0; padding: 0; border: 0; border-radius: 0; }
.json summary { font-weight: 400; margin-left: -1.1em; }
.json .in { margin-left: .5em; padding-left: 1.6em; border-left: 1px solid var(--line); }
.json details:not([open]) > summary .more { display: inline; }
.json .more { display: none; color: var(--quiet); }
.json .key { color: var(--accent); }
.json .string { color: var(--good); }
.json .word { color: var(--wait); }
@media (max-width: 45rem) {
  .events tr { display: grid; grid-template-columns: 1fr auto; gap: 0 .8rem; padding: .45rem 0; }
  .events tbody th { grid-column: 1 / -1; padding: 0; }
  .events td, .events td:last-child, .events td:nth-child(4) { padding: 0; font-size: .9rem; }
  .events td:nth-child(3), .events td:nth-child(4) { text-align: right; }
  .events td:last-child { grid-row: 3; text-align: left; }
  .events td:nth-child(4) { grid-row: 3; grid-column: 2; }
  .events td[data-label]::before { content: none; }
  .events .check .quiet { display: inline; }
  .arrivals { max-width: none; }
  .snippet pre { padding-right: .8rem; max-height: 36rem; }
  .snippet .copy { position: static; }
  .headers th { min-width: 0; }
  .headers .unseen { display: none; }
  .headers tr { display: grid; grid-template-columns: 1fr auto; }
  .headers th { grid-column: 1 / -1; }
}
@media (prefers-reduced-motion: no-preference) {
  .fresh { animation: slide .5s ease-out, glow 4s ease-out; }
  @keyframes slide { from { opacity: 0; transform: translateY(-.8rem); } }
  @keyframes glow { from { background: color-mix(in srgb, var(--accent) 22%, transparent); } }
}
`;
