// The style sheet of the report's page.

#ifndef REGATTA_REPORTS_WRITERS_HTML_STYLE_H_
#define REGATTA_REPORTS_WRITERS_HTML_STYLE_H_

#include <string>

namespace regatta::reports {

// Rules for all of a page's elements, with the palette's variables for both papers.
std::string StyleSheet();

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_WRITERS_HTML_STYLE_H_
