"""Translations: one gettext catalog per language in bot/languages; English needs none.

A catalog is named after Discord's locale (Discord docs, Reference, Locales), such as zh-CN.po.
"""

from bot.i18n.languages import Language, Languages, get_native_name

__all__ = ["Language", "Languages", "get_native_name"]
