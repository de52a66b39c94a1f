// Commands in the language of who acts: Discord shows what a command has for it, else its own name and description.

/** The command with `label` (what people see; `name` is what is sent) and `description` in `locale`, options included. */
export function localised(node, locale) {
  const out = { ...node, label: node.name_localizations?.[locale] ?? node.name };
  const description = node.description_localizations?.[locale] ?? node.description;
  if (description) out.description = description;
  for (const list of ["options", "choices"]) if (node[list]) out[list] = node[list].map((one) => localised(one, locale));
  return out;
}

/** The locales that the commands have, with Discord's own default first. */
export function locales(commands) {
  return [...new Set(["en-US", ...commands.flatMap((command) => Object.keys(command.name_localizations ?? {}))])];
}

/** What a locale's speakers call it. */
export const nameOf = (locale) => new Intl.DisplayNames([locale], { type: "language" }).of(locale);
