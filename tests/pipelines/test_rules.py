"""Rules that people write: what is wrong with them is said by file, line and key; what they find goes before all else."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.collection import create_collection
from pipelines.article import Article
from pipelines.extract import extract
from pipelines.recipes import Kept, Recipe, Recipes
from pipelines.rules import RuleError, Rules, parse_rules
from tests.pipelines.pages import TITLE, page, paragraphs, sentence

HOST = "news.example"
URL = f"https://{HOST}/2024/timber"
DAY = date(2026, 5, 1)


def rules(text: str, name: str = f"{HOST}.toml") -> Recipe:
    rule = parse_rules(text.encode(), name).on(DAY)
    assert rule
    return Recipe(rule)


def article(body: str, rule: str, head: str = "") -> Article:
    found = extract(page(body, head), URL, recipe=rules(rule)).article
    assert found
    return found


STORY = f'<h1>{TITLE}</h1><div class="story">{paragraphs(5)}</div>'


class TestARuleFile:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('titel = "h1"', ["line 1, titel", "did you mean title?"]),
            ('\nauthors = "a"\nzzz = 1', ["line 3, zzz", "no such key; there are title,"]),
            ('title = "h1[["', ["line 1, title", "'h1[[' is no CSS", "mend the selector"]),
            ('title = "h1"\nbody = ["div", "//p["]', ["line 2, body", "'//p[' is no XPath"]),
            ('title = "//h1/nosuch()"', ["line 1, title", "is no XPath"]),
            ('title = "//x:h1"', ["line 1, title", "is no XPath"]),
            ("title = 3", ["line 1, title", "a selector in quotes"]),
            ("title = []", ["line 1, title", "a selector in quotes"]),
            ('body = "p::text"', ["line 1, body", "gives text", "leave the end away"]),
            ('drop = "//p/text()"', ["line 1, drop", "gives text"]),
            ("title = h1", ["no TOML", "line 1", "selectors stand in quotes"]),
            ("", ["it has no selectors"]),
            ('hosts = ["https://news.example/"]\ntitle = "h1"', ["line 1, hosts", "without scheme, port and path"]),
            ('hosts = []\ntitle = "h1"', ["line 1, hosts", "a list of names"]),
            ('valid_from = "2026-01-01"\ntitle = "h1"', ["line 1, valid_from", "is no day; write it without quotes"]),
            ('valid_from = 2026-02-01\nvalid_until = 2026-01-01\ntitle = "h1"', ["line 2, valid_until", "exchange them"]),
            ('title = "h1"\n[[version]]\ntitle = "h2"', ["line 1, title", "stands beside [[version]]"]),
            ('[version]\ntitle = "h2"', ["line 1, version", "two brackets"]),
            (
                '[[version]]\ntitle = "h1"\n[[version]]\nvalid_from = 2026-01-01\ntitle = "h2"',
                ["line 4, valid_from", "valid_until of the one before must be before 2026-01-01"],
            ),
            ('[[version]]\ntitle = "h1"\n[[version]]\ntitle = "h[2"', ["line 4, title", "is no CSS"]),
        ],
    )
    def test_with_a_fault_is_refused_by_file_line_key_reason_and_mend(self, text: str, said: list[str]) -> None:
        with pytest.raises(RuleError) as caught:
            parse_rules(text.encode(), "news.example.toml", "rules/news.example.toml")
        assert str(caught.value).startswith("rules/news.example.toml")
        for part in said:
            assert part in str(caught.value)

    def test_tells_all_faults_at_once(self, tmp_path: Path) -> None:
        (tmp_path / "a.example.toml").write_text('titel = "h1"\nbody = "p::text"')
        (tmp_path / "b.example.toml").write_bytes(b"\xff\xfe")
        (tmp_path / "no host.toml").write_text('title = "h1"')
        (tmp_path / "two.example.toml").write_text('hosts = ["d.example"]\ntitle = "h1"')
        (tmp_path / "d.example.toml").write_text('title = "h1"')
        with pytest.raises(RuleError) as caught:
            Rules(tmp_path)
        lines = str(caught.value).split("\n")
        assert len(lines) == 5
        assert [
            word in str(caught.value) for word in ("titel", "body", "no UTF-8 at byte 0", "is no host", "in d.example.toml too")
        ]

    def test_is_for_its_host_its_www_and_what_it_names(self, tmp_path: Path) -> None:
        (tmp_path / "news.example.toml").write_text('title = "h1"')
        (tmp_path / "group.toml").write_text('hosts = ["*.group.example"]\ntitle = "h2"')
        found = Rules(tmp_path)
        names = {
            url: (file := found.of(f"https://{url}")) and file.name
            for url in (
                "NEWS.example/x",
                "www.news.example:8080/",
                "sport.news.example",
                "a.b.group.example",
                "group.example",
                "",
            )
        }
        assert list(names.values()) == ["news.example.toml"] * 2 + [None, "group.toml", None, None]

    def test_holds_on_its_days(self) -> None:
        text = '[[version]]\nvalid_until = 2025-12-31\ntitle = "h2"\n[[version]]\nvalid_from = 2026-01-01\ntitle = "h1"'
        file = parse_rules(text.encode(), "news.example.toml")
        days = (date(2020, 1, 1), date(2025, 12, 31), date(2026, 1, 1))
        assert [rule.selectors["title"] for day in days if (rule := file.on(day))] == [
            ("descendant-or-self::h2",), ("descendant-or-self::h2",), ("descendant-or-self::h1",),
        ]  # fmt: skip
        only = parse_rules(b'valid_from = 2026-01-01\ntitle = "h1"', "news.example.toml")
        assert only.on(date(2025, 1, 1)) is None

    @given(st.binary(max_size=200) | st.text(alphabet='titlebody=["]#\n.:/@()', max_size=80).map(str.encode))
    def test_of_any_bytes_is_read_or_refused(self, content: bytes) -> None:
        try:
            parse_rules(content, "news.example.toml")
        except RuleError as error:
            assert "news.example.toml" in str(error)


class TestARule:
    def test_says_every_field(self) -> None:
        body = (
            f'<h2 class="t">The other title</h2>{STORY}<i class="a">By Ann Lee and Bo Ray</i><b data-d="2024-05-06T07:08:09Z">'
            '</b><time class="m" datetime="2024-05-07">x</time><ul class="k"><li>ships</li><li>wood</li></ul>'
            '<img class="i" src="/p.jpg">'
        )
        rule = (
            'title = ".t"\nauthors = ".a"\npublished_at = ["b.none", "b::attr(data-d)"]\nmodified_at = "time.m"\n'
            'tags = "ul.k li"\nmain_image_url = "img.i"\nsection = "//ul/li[1]"\nlanguage = "//html/@lang"\n'
            'publisher = "(//h2)/text()"'
        )
        found = article(body, rule)
        assert (found.title, [one["name"] for one in found.authors]) == ("The other title", ["Ann Lee", "Bo Ray"])
        assert found.published_at == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
        assert found.modified_at == datetime(2024, 5, 7, tzinfo=UTC)
        assert (found.tags, found.section, found.publisher) == (["ships", "wood"], "ships", "The other title")
        assert found.main_image_url == f"https://{HOST}/p.jpg"
        source = rules(rule).config
        assert {found.field_sources[name] for name in ("title", "authors", "published_at", "tags", "language")} == {source}
        assert found.extractor_config == source
        assert source.startswith(f"rule:{HOST}.toml@")

    def test_says_what_the_body_is_and_what_not(self) -> None:
        more = "<p>Another story which is long enough to be prose of an article, and which the judge might well keep.</p>"
        body = f'<h1>{TITLE}</h1><div class="x"><div class="x">{paragraphs(2)}</div><p class="ad">Buy a lamp.</p></div>{more}'
        found = article(body + f'<div class="x">{paragraphs(1, 2)}</div>', 'body = "div.x"\ndrop = "div.x .ad"')
        assert found.text == "\n\n".join(sentence(number) for number in range(3))
        assert found.field_sources["text"] == found.extractor_config

    def test_that_finds_nothing_leaves_it_to_evidence_and_is_flagged(self) -> None:
        found = article(STORY, 'title = "h4"\nbody = "div.gone"\nsubtitle = "h5"')
        assert (found.title, found.field_sources["title"]) == (TITLE, "h1")
        assert found.text == "\n\n".join(sentence(number) for number in range(5))
        assert "rule_missed" in found.quality_flags
        assert "rule_missed" not in article(STORY, 'title = "h1"\nsubtitle = "h5"').quality_flags

    def test_whose_date_is_none_leaves_it_to_evidence(self) -> None:
        head = '<meta property="article:published_time" content="2024-05-06">'
        assert article(STORY, 'published_at = "h1"', head).published_at == datetime(2024, 5, 6, tzinfo=UTC)

    def test_brings_no_markup_and_no_control_characters_into_cells(self) -> None:
        found = article(f'<h2 class="t">A &lt;b&gt;bold&lt;/b&gt; \u202e lamp</h2>{STORY}', 'title = ".t"')
        assert found.title == "A bold lamp"

    def test_is_read_within_five_seconds_whatever_it_meets(self) -> None:
        html = page("<div class='x'>" * 3_000 + "x" + "<p class='x'>words of it</p>" * 20_000)
        found = extract(html, URL, recipe=rules('title = "div div p"\nbody = "div.x, p.x"\ndrop = "div.x p.y"'))
        assert found.seconds < 5


class TestRecipes:
    def test_come_from_the_collection_first_and_copies_prove_them(self, tmp_path: Path) -> None:
        collection = create_collection(tmp_path / "c")
        ours, others = collection.path / "rules", tmp_path / "rules"
        ours.mkdir()
        others.mkdir()
        (ours / f"{HOST}.toml").write_text('title = "h1"')
        (others / f"{HOST}.toml").write_text('title = "h2"')
        (others / "other.example.toml").write_text('title = "h3"')
        recipes = Recipes(collection.path, others)
        recipe = recipes.of(URL, DAY)
        assert recipe and recipe.rule and recipe.rule.selectors["title"] == ("descendant-or-self::h1",)
        assert recipes.of("https://other.example/", DAY) and recipes.of("https://third.example/", DAY) is None

        (ours / f"{HOST}.toml").write_text('title = "h6"')
        kept = Kept(collection.path)
        assert kept.of(None, URL, DAY) is None
        assert kept.of(recipe.config, URL, DAY) == recipe
        copy = next((collection.path / "state/rules").glob(f"{HOST}*"))
        copy.write_text('title = "h5"')
        with pytest.raises(LookupError, match=r"rule news\.example\.toml@\w+ is missing or damaged"):
            Kept(collection.path).of(recipe.config, URL, DAY)
        with pytest.raises(LookupError, match="another version of Broadsheet"):
            Kept(collection.path).of("magic:1", URL, DAY)

    def test_of_a_folder_that_is_not_there_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(RuleError, match="there is no such folder of rules"):
            Recipes(None, tmp_path / "gone")
