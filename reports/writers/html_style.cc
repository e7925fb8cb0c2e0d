#include "reports/writers/html_style.h"

#include <string_view>

#include "absl/strings/str_cat.h"
#include "reports/charts/palette.h"

namespace regatta::reports {
namespace {

constexpr std::string_view kRules = R"css(
*{box-sizing:border-box}
html{color-scheme:light dark;-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main,header{max-width:852px;margin:0 auto;padding:0 16px;overflow-wrap:break-word}
header{padding-top:40px}
h1{font-size:30px;line-height:1.2;margin:0 0 6px;letter-spacing:-.01em}
h2{font-size:21px;line-height:1.3;margin:0 0 12px}
section{padding-top:44px;scroll-margin-top:8px}
p{margin:0 0 14px}
a{color:var(--series0)}
.subtitle{color:var(--muted);margin:0}
nav{margin-top:18px;padding:10px 0;border-top:1px solid var(--grid);border-bottom:1px solid var(--grid);font-size:14px;display:flex;flex-wrap:wrap;gap:4px 18px}
nav a{text-decoration:none}
nav a:hover{text-decoration:underline}
.lead p{font-size:18px;line-height:1.55;margin:0 0 12px}
.lead p:first-child{font-size:22px;line-height:1.4;font-weight:600;letter-spacing:-.005em}
.lead p:first-child strong{font-weight:700;color:var(--series0)}
code{font:0.9em/1.5 ui-monospace,"Cascadia Mono","DejaVu Sans Mono",Menlo,monospace;background:var(--panel);padding:1px 4px;border-radius:3px}
pre{font:13px/1.5 ui-monospace,"Cascadia Mono","DejaVu Sans Mono",Menlo,monospace;background:var(--panel);border:1px solid var(--grid);border-radius:6px;padding:12px 14px;margin:0 0 16px;white-space:pre-wrap;overflow-wrap:anywhere}
ul{margin:0 0 16px;padding-left:20px}
li{margin-bottom:6px}
.callout{border-left:4px solid var(--muted);background:var(--panel);padding:10px 14px;border-radius:0 6px 6px 0;margin:0 0 16px}
.callout.bad{border-color:var(--bad)}
.callout.good{border-color:var(--good)}
figure{margin:10px 0 26px;border:1px solid var(--grid);border-radius:8px;padding:6px 0 0;overflow:hidden}
.picture{position:relative;margin:0 auto;max-width:100%}
.picture svg{display:block;width:100%;height:auto}
.points input{appearance:none;position:absolute;width:22px;height:22px;margin:-11px 0 0 -11px;border-radius:50%}
.points input:focus-visible{outline:2px solid var(--ink)}
.tip{visibility:hidden;pointer-events:none;position:absolute;z-index:1;white-space:pre;font-size:12px;line-height:16px;padding:8px;background:var(--panel);border:1px solid var(--muted);border-radius:4px}
.tip.above{transform:translateY(-100%)}
.tip::first-line{font-weight:600}
.points input:hover+.tip,.points input:focus+.tip{visibility:visible}
.points:has(input:hover) input:focus:not(:hover)+.tip{visibility:hidden}
figure .narrow{display:none}
figcaption{color:var(--muted);font-size:14px;line-height:1.5;padding:8px 14px 12px}
.table{margin:0 0 24px}
details{margin:0 0 14px}
summary{font-weight:600;font-size:15px;cursor:pointer;padding:4px 0}
details caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
table{border-collapse:collapse;width:100%;font-size:14.5px;line-height:1.45;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding:0 0 8px;font-size:15px}
th,td{padding:7px 12px 7px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--grid)}
th:last-child,td:last-child{padding-right:0}
thead th{color:var(--muted);font-weight:600;font-size:13px;border-bottom:1px solid var(--muted);vertical-align:bottom}
tbody th{font-weight:500}
td:last-child{overflow-wrap:anywhere}
.number{text-align:right;overflow-wrap:normal}
.range{font-weight:400}
.number .range,th .range{display:block;color:var(--muted);font-size:12.5px}
.good{color:var(--good)}
.bad{color:var(--bad)}
.muted{color:var(--muted)}
.callout.good,.callout.bad,.callout.muted{color:inherit}
main{padding-bottom:64px}
@media(max-width:640px){
header{padding-top:24px}
h1{font-size:25px}
.lead p{font-size:17px}
.lead p:first-child{font-size:19px}
section{padding-top:34px}
figure{margin-left:-16px;margin-right:-16px;border-radius:0;border-left:0;border-right:0}
figure .wide{display:none}
figure .narrow{display:block}
figcaption{padding:8px 16px 12px}
table,caption,tbody,tr,th,td{display:block}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tbody tr{border:1px solid var(--grid);border-radius:6px;padding:8px 12px;margin-bottom:8px}
tbody th,tbody td{border:0;padding:2px 0}
tbody th{font-weight:600}
tbody td{overflow-wrap:anywhere;display:grid;grid-template-columns:minmax(96px,38%) 1fr;gap:0 12px}
tbody td,tbody td.number{text-align:left}
.number .range,th .range{display:inline}
tbody td::before{content:attr(data-label);color:var(--muted);font-size:13px}
tbody td.empty{display:none}
}
@media print{nav,.points{display:none}figure,tr{break-inside:avoid}details::details-content{content-visibility:visible;block-size:auto}summary{list-style:none}}
)css";

}  // namespace

std::string StyleSheet() {
  return absl::StrCat(":root{", LightVariables(), "}@media(prefers-color-scheme:dark){:root{", DarkVariables(), "}}",
                      kRules);
}

}  // namespace regatta::reports
