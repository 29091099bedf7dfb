"""Pages in the form the Senate eFD gives them, with synthetic content."""

import html
import json
from collections.abc import Mapping, Sequence

DOC_ID = "0f5b8c1e-9a51-4c57-8f5e-3d2a6b7c8d90"
COLUMNS = (
    "#",
    "Transaction Date",
    "Owner",
    "Ticker",
    "Asset Name",
    "Asset Type",
    "Type",
    "Amount",
    "Comment",
)
LINE = {
    "Transaction Date": "05/06/2026",
    "Owner": "Self",
    "Ticker": '<a href="https://finance.yahoo.com/quote/SYN" target="_blank">SYN</a>',
    "Asset Name": "Synthetic Corp. Common Stock",
    "Asset Type": "Stock",
    "Type": "Purchase",
    "Amount": "$1,001 - $15,000",
    "Comment": "--",
}
OPTION = """Synthetic Corp.
    <div class="text-muted">Option Type: Put <br><em>Strike price:</em> $87.50 <br>
    <em>Expires:</em> 06/19/2026 </div>"""
BOND = """SYNTHETIC CITY WATER REV <div class="text-muted"><em>Rate/Coupon:</em> 5.0%<br>
    <em>Matures:</em> 2036-04-15</div>"""


def ptr_page(
    lines: Sequence[Mapping[str, str]],
    *,
    filer: str = "The Honorable Synthia Member (Member, Synthia)",
    filed: str = "06/12/2026 @ 1:23 PM",
    amendment: int | None = None,
    columns: Sequence[str] = COLUMNS,
    total: str | None = None,
) -> bytes:
    """A report; each line says what differs from ``LINE``, as HTML, and the last comes first."""
    suffix = f"\n   (Amendment {amendment})" if amendment else ""
    rows = []
    for number, changes in reversed(list(enumerate(lines, start=1))):
        cells = {"#": str(number), **LINE, **changes}
        rows.append("".join(f"<td>\n  {cells[column]}\n</td>" for column in columns))
    headings = "".join(f'<th scope="col">{html.escape(column)}</th>' for column in columns)
    summary = f"({len(lines)} transaction{'s' * (len(lines) != 1)} total)"
    return f"""<!DOCTYPE html>
<html lang="en"><head><title>eFD: Print Periodic Transaction Report</title></head><body>
<h1 class="mb-2">Periodic Transaction Report for 06/12/2026{suffix}</h1>
<h2 class="filedReport">{filer}</h2>
<p class="muted"><strong class="noWrap"><i class="fa fa-folder-open"></i>
  Filed  {filed}</strong></p>
<section class="card"><h3>Transactions</h3><ul><li>{summary if total is None else total}</li></ul>
<table class="table table-striped"><caption>List of transactions added to this report</caption>
<thead><tr class="header">{headings}</tr></thead>
<tbody>{"".join(f"<tr>{row}</tr>" for row in rows)}</tbody></table></section>
</body></html>""".encode()


def paper_page(scans: int = 2, *, total: int | None = None, doc_id: str = DOC_ID) -> bytes:
    """The page of a scanned report."""
    images = "".join(
        f"<div>Page {number} of {scans if total is None else total}"
        f'<img class="filingImage" src="https://efd-media-public.senate.gov/media/{number}.gif"'
        ' alt="filing document"></div>'
        for number in range(1, scans + 1)
    )
    return f"""<!DOCTYPE html>
<html lang="en"><head><title>eFD: View Report</title></head><body>
<img class="logo" src="/static/logo.svg">{images}
<a href="/search/print/paper/{doc_id}/">Printer-Friendly</a></body></html>""".encode()


def search_row(
    doc_id: str = DOC_ID,
    *,
    first: str = "Synthia",
    last: str = "Member",
    title: str = "Periodic Transaction Report for 06/12/2026",
    kind: str = "ptr",
    submitted: str = "06/12/2026",
) -> list[str]:
    """A row of search results."""
    link = f'<a href="/search/view/{kind}/{doc_id}/" target="_blank">{title}</a>'
    return [first, last, f"{last}, {first} (Senator)", link, submitted]


def search_page(rows: Sequence[object]) -> bytes:
    """A page of search results."""
    count = len(rows)
    document = {"draw": 1, "recordsTotal": count, "recordsFiltered": count, "data": list(rows)}
    return json.dumps({**document, "result": "ok"}).encode()
