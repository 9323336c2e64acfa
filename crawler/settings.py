"""Scrapy settings of the project. The machinery itself is switched on by the add-on, so other projects can use it too."""

BOT_NAME = "broadsheet"
SPIDER_MODULES = ["crawler.spiders"]
NEWSPIDER_MODULE = "crawler.spiders"
COMMANDS_MODULE = "crawler.commands"
ADDONS = {"crawler.addon.Broadsheet": 100}
