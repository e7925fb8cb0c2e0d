// HTML: a document as one page that needs nothing else: no network, no script, no other file. Light and dark as the
// reader's system asks, readable from phone width up: charts come laid out for wide and for narrow, tables become
// cards.

#ifndef REGATTA_REPORTS_WRITERS_HTML_H_
#define REGATTA_REPORTS_WRITERS_HTML_H_

#include <string>

#include "reports/writers/document.h"

namespace regatta::reports {

std::string RenderHtml(const Document& document);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_WRITERS_HTML_H_
