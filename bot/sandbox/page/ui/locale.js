// Commands in the acting user's language. Like Discord, falls back to the default name and description.

/** The command and its options with `label` (shown; `name` is sent) and `description` in `locale`. */
export function localize(node, locale) {
  const out = { ...node, label: node.name_localizations?.[locale] ?? node.name };
  const description = node.description_localizations?.[locale] ?? node.description;
  if (description) out.description = description;
  for (const list of ["options", "choices"]) if (node[list]) out[list] = node[list].map((one) => localize(one, locale));
  return out;
}

/** The locales of the commands, Discord's default first. */
export function listLocales(commands) {
  return [...new Set(["en-US", ...commands.flatMap((command) => Object.keys(command.name_localizations ?? {}))])];
}

/** The native name of a locale's language. */
export const getLanguageName = (locale) => new Intl.DisplayNames([locale], { type: "language" }).of(locale);
