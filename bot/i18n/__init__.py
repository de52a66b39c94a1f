"""The languages that people are spoken to in: one gettext catalogue each, *.po in this folder; English needs none.

A file is named by the locale that Discord has for it (Discord docs, Reference, Locales), such as zh-CN.po.
"""

from bot.i18n.languages import Language, Languages, native_name

__all__ = ["Language", "Languages", "native_name"]
