"""Broadsheet's Scrapy project: settings, add-on, spiders, download handler, commands."""
