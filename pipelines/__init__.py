"""What happens to a page: record, extract, tabulate. Pure functions, plus thin Scrapy item pipelines."""
