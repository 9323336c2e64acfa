"""Page objects for the tests: one that knows better, one whose code fails."""

from typing import Any

from web_poet import ResponseUrl, field, handle_urls

from pipelines.page_objects import ArticlePage


@handle_urls("poet.example")
@handle_urls("127.0.0.1")
class CourierPage(ArticlePage):
    """Takes the headline from a box that nothing else would look into, and the body from one of two."""

    @field
    def title(self) -> str | None:
        return self.css("aside.box b::text").get()

    @field
    def authors(self) -> list[str]:
        return self.css("aside.box i::text").getall()

    @field
    def body(self) -> Any:
        return self.css("div.second")


@handle_urls("broken.example")
class BrokenPage(ArticlePage):
    """Fails as code does when a site has changed."""

    url: ResponseUrl

    @field
    def title(self) -> str:
        return self.css("h9")[0].get() or ""
