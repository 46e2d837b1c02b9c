"""Does the page of a run work in a real browser?

Runs both jobs on sample events, opens their pages from disk in Chromium with the network off, and looks at what a person
would: no error, no request, rank and score in sight, sorting, filtering, dark mode, a phone, paper, and no script at all.
Screenshots lie in the folder that it names. Ends with 1 where something is wrong.
"""

import datetime as dt
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benches"))
import crannog  # noqa: E402

DAY = dt.date(2026, 11, 21)
PHONE = {"width": 390, "height": 844}
SCREEN = {"width": 1280, "height": 900}
# It says nothing to anyone, and runs as root in a container.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def main():
    chromium = shutil.which("chromium") or crannog.missing("chromium", "apt-get install chromium")
    folder = Path(tempfile.mkdtemp(prefix="crannog-page-"))
    pages = make_pages(folder)
    wrong = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        for page in pages:
            for check in CLOUDTRAIL_CHECKS if page.stem == "cloudtrail" else CHECKS:
                try:
                    check(browser, page)
                    print(f"  {page.stem:18} {check.__doc__}")
                except (AssertionError, Error) as error:
                    print(f"  {page.stem:18} {check.__doc__}: WRONG: {error}")
                    wrong += 1
        browser.close()
    print(f"\nscreenshots are in {folder}\n{wrong} wrong")
    sys.exit(1 if wrong else 0)


def make_pages(folder):
    """The pages of three runs: heat maps by host, and by hour; and a wide table, with a scaler."""
    sizes = {"rows": 20_000, "hosts": 30, "days": 5, "end": DAY + dt.timedelta(days=1)}
    words = [word for name, value in sizes.items() for word in (f"--{name}", value)]
    crannog.answer([crannog.program(), "demo", folder, *words])
    job = crannog.job_arguments(folder / "process_execution", folder / "anomalies")
    hour = folder / "hour.toml"
    text = crannog.JOB.read_text().replace('"../sql', f'"{crannog.ROOT}/sql')
    assert "heat_map_by" in text
    hour.write_text("".join(line for line in text.splitlines(keepends=True) if not line.startswith("heat_map_by")))
    pages = []
    for name, path in [("by_host", job[0]), ("by_hour", hour)]:
        page = folder / f"{name}.html"
        crannog.answer([crannog.program(), "run", path, *job[1:], "--set", f"report.html={page}", "--as-of", f"{DAY}T12:00:00Z", "--format", "json"])
        pages.append(page)
    return [*pages, make_cloudtrail_page(folder)]


def make_cloudtrail_page(folder):
    sizes = {"rows": 20_000, "days": 2, "end": DAY + dt.timedelta(days=1)}
    words = [word for name, value in sizes.items() for word in (f"--{name}", value)]
    crannog.answer([crannog.program(), "demo", folder, "--kind", "cloudtrail", *words])
    page = folder / "cloudtrail.html"
    settings = {
        "sources.cloudtrail.location": folder / "cloudtrail",
        "sinks[0].location": folder / "cloudtrail_anomalies" / "anomalies",
        "report.html": page,
    }
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    crannog.answer([crannog.program(), "run", crannog.CLOUDTRAIL, *words, "--as-of", f"{DAY}T12:00:00Z", "--format", "json"])
    return page


def opened(browser, page, **context):
    """The page in a window of its own; whatever it complains of or asks for is kept."""
    tab = browser.new_context(offline=True, **({"viewport": SCREEN} | context)).new_page()
    tab.said = []
    tab.on("console", lambda message: tab.said.append(message.text))
    tab.on("pageerror", lambda error: tab.said.append(str(error)))
    tab.on("dialog", lambda dialog: (tab.said.append(dialog.message), dialog.dismiss()))
    tab.on("request", lambda request: tab.said.append(request.url) if request.url != page.as_uri() else None)
    tab.goto(page.as_uri())
    return tab


def done(tab, page=None, name=None):
    if name:
        tab.screenshot(path=page.with_name(f"{page.stem}-{name}.png"))
    assert tab.said == [], tab.said
    tab.context.close()


def column(tab, name):
    """What the rows that are seen have in a column."""
    return tab.evaluate(
        "name => [...document.querySelectorAll('#rows tbody tr:not([hidden]) td')].filter(cell => cell.dataset.name === name)"
        ".map(cell => cell.dataset.number ?? cell.textContent)",
        name,
    )


def opens(browser, page):
    """opens without an error or a request, and is no wider than the screen"""
    tab = opened(browser, page)
    assert tab.locator("h1").inner_text() == ("cloudtrail" if page.stem == "cloudtrail" else "process_execution")
    assert tab.locator("svg.light").first.is_visible() and not tab.locator("svg.dark").first.is_visible()
    assert tab.evaluate("document.documentElement.scrollWidth") <= SCREEN["width"]
    done(tab, page, "screen")


SEEN = """kind => [...document.querySelectorAll(`#rows tbody tr:nth-child(-n+3) td.${kind}`)].every(cell => {
    cell.scrollIntoView({ block: "center", inline: "nearest" });
    const { left, right, top, bottom } = cell.getBoundingClientRect();
    const there = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    return left >= 0 && right <= innerWidth && right > left && (there === cell || cell.contains(there));
})"""


def keeps_rank_and_score_in_sight(browser, page):
    """keeps rank and score in sight, however far a wide table is moved, and first on a phone"""
    heads = ["rank", "anomaly_score"]
    for name, window in [("screen", SCREEN), ("narrow", {"width": 800, "height": 900})]:
        tab = opened(browser, page, viewport=window)
        assert tab.locator("#rows thead th").all_inner_texts()[:2] == heads
        wide = ".wide:has(> #rows)"
        for moved in [0, 100_000]:
            tab.locator(wide).evaluate("(box, moved) => { box.scrollLeft = moved; }", moved)
            assert tab.evaluate(SEEN, "rank") and tab.evaluate(SEEN, "score"), f"out of sight at {name}, {moved}"
        if name == "narrow":
            assert tab.locator(wide).evaluate("box => box.scrollLeft") > 0, "the table is not wider than its box"
        done(tab, page, f"moved-{name}")
    tab = opened(browser, page, viewport=PHONE, is_mobile=True, has_touch=True)
    assert tab.evaluate(SEEN, "rank") and tab.evaluate(SEEN, "score")
    first = tab.locator("#rows tbody tr").first
    tops = first.locator("td").evaluate_all("cells => cells.map(cell => cell.getBoundingClientRect().top)")
    assert max(tops[:2]) + 8 < min(tops[2:]), "rank and score are not first in the card"
    first.evaluate("row => scrollTo(0, row.getBoundingClientRect().top + scrollY - 60)")
    done(tab, page, "phone-rows")


def shows_the_scaler(browser, page):
    """has the scaler's mean and scale of each feature, folded"""
    for window in [SCREEN, PHONE]:
        tab = opened(browser, page, viewport=window)
        rows = tab.locator("#scaler tbody tr")
        assert not rows.first.is_visible()
        tab.locator("#scaler > summary").click()
        assert rows.first.is_visible()
        texts = [row.locator("td").all_inner_texts() for row in rows.all()]
        assert [text[0] for text in texts][:2] == ["eventHour", "eventDateCode"] and len(texts) == 7, texts
        assert 0 < float(texts[0][1]) < 24 and 0 < float(texts[0][2]) < 12, texts[0]
        assert tab.evaluate("document.documentElement.scrollWidth") <= window["width"]
        assert tab.locator("#scaler .wide").evaluate("box => box.scrollWidth <= box.clientWidth"), "the scaler is wider than its box"
        tab.locator("#scaler").scroll_into_view_if_needed()
        done(tab, page, f"scaler-{window['width']}")


def sorts(browser, page):
    """sorts by a click on a column's name, up and down"""
    tab = opened(browser, page)
    ranks = [int(rank) for rank in column(tab, "rank")]
    assert len(ranks) > 20 and ranks == sorted(ranks), "the strangest are not first"
    tab.get_by_role("button", name="count", exact=True).click()
    counts = [int(count) for count in column(tab, "count")]
    assert counts == sorted(counts, reverse=True) and counts[0] > counts[-1], counts
    tab.get_by_role("button", name="count", exact=True).click()
    assert [int(count) for count in column(tab, "count")] == sorted(counts), "not turned"
    assert tab.locator("th[aria-sort=ascending]").inner_text().startswith("count")
    tab.get_by_role("button", name="Computer", exact=True).focus()
    tab.keyboard.press("Enter")
    hosts = column(tab, "Computer")
    assert hosts == sorted(hosts, key=str.lower) and hosts[0] != hosts[-1], hosts
    assert sorted(map(int, column(tab, "rank"))) == ranks, "rows are lost"
    done(tab)


def filters(browser, page):
    """filters by words of any column"""
    tab = opened(browser, page)
    texts = [text.lower() for text in tab.locator("#rows tbody tr").all_text_contents()]
    rows, host = len(texts), column(tab, "Computer")[0]
    expected = sum(host in text for text in texts)
    tab.get_by_label("Filter").fill(f" {host.upper()} ")
    assert 0 < expected < rows and tab.locator("#matches").inner_text() == f"{expected} of {rows}"
    seen = tab.locator("#rows tbody tr:visible").all_text_contents()
    assert len(seen) == expected and all(host in text.lower() for text in seen)
    tab.get_by_label("Filter").fill(f"{host[:-1]} {host}")
    assert len(column(tab, "rank")) == expected, "two words are not both asked for"
    tab.get_by_label("Filter").fill("there is no such word")
    assert column(tab, "rank") == []
    tab.get_by_label("Filter").fill("")
    assert len(column(tab, "rank")) == rows
    done(tab)


def unfolds(browser, page):
    """unfolds command lines, and the numbers of a chart"""
    tab = opened(browser, page)
    for place, inside in [("#rows details", "li"), ("figure details", "table")]:
        fold = tab.locator(place).first
        assert not fold.locator(inside).first.is_visible()
        fold.locator("summary").click()
        assert fold.locator(inside).first.is_visible()
    tab.locator("#rows").scroll_into_view_if_needed()
    tab.evaluate("document.getElementById('findings').scrollIntoView()")
    done(tab, page, "rows")


def darkens(browser, page):
    """is dark where the system is"""
    tab = opened(browser, page, color_scheme="dark")
    assert tab.locator("svg.dark").first.is_visible() and not tab.locator("svg.light").first.is_visible()
    red, green, blue = tab.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert max(red, green, blue) < 60, (red, green, blue)
    done(tab, page, "dark")


def fits_a_phone(browser, page):
    """fits a phone: nothing but what is in a box of its own is wider"""
    for scheme in ["light", "dark"]:
        tab = opened(browser, page, viewport=PHONE, color_scheme=scheme, is_mobile=True, has_touch=True)
        assert tab.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        tab.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
        width = tab.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"], f"{width} pixels when all is unfolded"
        tab.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = false)")
        done(tab, page, f"phone-{scheme}")


def prints(browser, page):
    """prints on white, without what only a screen can do"""
    tab = opened(browser, page, color_scheme="dark")
    tab.emulate_media(media="print", color_scheme="dark")
    assert tab.locator("svg.light").first.is_visible() and not tab.locator("#filter").is_visible()
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    tab.locator("#rows tbody").evaluate("body => [...body.rows].slice(20).forEach(row => row.remove())")
    tab.pdf(path=page.with_suffix(".pdf"), print_background=True)
    done(tab)


def works_without_script(browser, page):
    """is whole without its script: a table, the strangest first"""
    tab = opened(browser, page, java_script_enabled=False)
    assert tab.locator("#rows tbody tr").count() > 20
    assert not tab.locator("#filter").is_visible() and tab.locator("#rows button").count() == 0
    assert tab.locator("#rows tbody tr td").last.is_visible()
    done(tab)


def lets_nothing_in(browser, page):
    """lets nothing run or load that is not its own"""
    words = "<script>document.title = 'taken'</script><img src=https://example.com/x.png onerror=\"document.title = 'taken'\"><style>h1 { color: red }</style>"
    changed = page.with_name(f"{page.stem}-changed.html")
    changed.write_text(page.read_text().replace("<main>", f"<main>{words}", 1))
    tab = opened(browser, changed)
    assert tab.title() != "taken" and "rgb(255, 0, 0)" != tab.locator("h1").evaluate("e => getComputedStyle(e).color")
    refused = [text for text in tab.said if "Content Security Policy" in text]
    assert len(refused) >= 3, tab.said
    tab.context.close()


EVERYWHERE = [opens, keeps_rank_and_score_in_sight, darkens, fits_a_phone, prints, works_without_script, lets_nothing_in]
CHECKS = [*EVERYWHERE, sorts, filters, unfolds]
CLOUDTRAIL_CHECKS = [*EVERYWHERE, shows_the_scaler]

if __name__ == "__main__":
    main()
