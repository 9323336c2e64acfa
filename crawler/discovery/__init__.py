"""Where article addresses come from: feeds, sitemaps and the links of pages. Pure parsers, no network."""
