/** The style sheet of the report page: system fonts, light and dark, from a telephone to a wide screen, and on paper. */
import { dark, declarations, light } from './palette.js';

export const style = `
:root{color-scheme:light dark;${declarations(light)};--page:#f6f7f9;--guaranteed:#0a6b4f;--heuristic:#8a4b00}
@media (prefers-color-scheme:dark){:root{${declarations(dark)};--page:#0d1015;--guaranteed:#56d0a5;--heuristic:#f0b04a}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:1060px;margin:0 auto;padding:48px 24px 64px}
h1{font-size:30px;line-height:1.2;letter-spacing:-.015em;margin:0 0 6px;text-wrap:balance}
h2{font-size:20px;letter-spacing:-.01em;margin:52px 0 4px}
h3{font-size:14px;font-weight:600;margin:0 0 2px}
p{margin:0 0 12px;max-width:72ch}
code{font-size:.9em}
.source,.note,figcaption{color:var(--muted);font-size:13.5px;line-height:1.5}
.source{margin-bottom:26px;overflow-wrap:anywhere}
.lede{font-size:18px;line-height:1.5}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:12px;margin:26px 0 0}
.tiles>div,figure,.words{background:var(--surface);border:1px solid var(--line);border-radius:10px}
.tiles>div{padding:16px 18px;display:flex;flex-direction:column}
.tiles dt{order:2;color:var(--muted);font-size:13.5px;line-height:1.4}
.tiles dd{margin:0 0 4px;font-size:28px;font-weight:600;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.tiles small{font-size:15px;font-weight:400;color:var(--muted);letter-spacing:0}
.tag{display:inline-block;font-size:11.5px;font-weight:600;line-height:1;padding:4px 8px;border-radius:99px;border:1px solid;vertical-align:2px;margin-left:8px;letter-spacing:.01em}
.guaranteed{color:var(--guaranteed)}
.heuristic{color:var(--heuristic)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:14px;margin-top:14px}
figure{margin:0;padding:16px 18px 12px;min-width:0}
figure.wide{grid-column:1/-1}
figure svg{display:block;width:100%;height:auto;margin-top:8px}
figcaption{margin-top:2px}
.scroll{overflow-x:auto}
.scroll svg{min-width:560px}
.picker input{position:absolute;opacity:0;pointer-events:none}
.heads{display:flex;flex-wrap:wrap;gap:6px;margin:14px 0 4px}
.heads label{font-size:13px;line-height:1;padding:8px 10px;border:1px solid var(--line);border-radius:8px;background:var(--surface);cursor:pointer;font-variant-numeric:tabular-nums}
.heads label:hover{border-color:var(--kept)}
.panel{display:none}
.panel>p{margin:14px 0 0}
.text{white-space:pre-wrap;font-size:15px;line-height:1.75;margin:10px 0 4px;max-width:none}
mark{background:var(--wash);color:var(--kept);font-weight:600;border-radius:3px;padding:1px 1px}
.words{padding:20px 22px;margin-top:14px}
.words dt{font-weight:600}
.words dd{margin:0 0 12px;max-width:76ch}
.words dd:last-child{margin:0}
table{border-collapse:collapse;font-size:13.5px;font-variant-numeric:tabular-nums;margin-top:12px}
th,td{text-align:right;padding:4px 14px 4px 0;border-bottom:1px solid var(--line);white-space:nowrap}
th{font-weight:500;color:var(--muted)}
th:first-child,td:first-child{text-align:left}
details{margin-top:14px}
summary{cursor:pointer;font-size:14px;color:var(--muted)}
@media (max-width:560px){main{padding:28px 14px 40px}h1{font-size:25px}.lede{font-size:16.5px}figure{padding:14px 12px 10px}}
@media print{body{background:none}.panel{display:block!important;break-inside:avoid}.heads{display:none}}
`.trim();
