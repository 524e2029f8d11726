// Elements, made without markup: whatever a text holds, it stays text.

type Attributes = Readonly<Record<string, string | number | boolean | null>>

/** A new element; false and null leave an attribute out. */
export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, '')
    else if (value !== false && value !== null) made.setAttribute(key, String(value))
  }
  made.append(...children)
  return made
}

/** The element of the page that has this id. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id)
  if (!found) throw new Error(`the page has no ${id}`)
  return found
}

/** The value of a field of the page. */
export function field(id: string): HTMLInputElement | HTMLSelectElement {
  const found = byId(id)
  if (found instanceof HTMLInputElement || found instanceof HTMLSelectElement) return found
  throw new Error(`${id} is no field`)
}

/** Sets a text where it is another one, so that readers of the screen hear of changes only. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text
}

const shown = new WeakMap<Element, string>()

/** Fills an element anew where `key` says that its content is another one. */
export function fill(target: Element, key: unknown, children: () => readonly (Node | string)[]): void {
  const text = JSON.stringify(key)
  if (shown.get(target) === text) return
  shown.set(target, text)
  target.replaceChildren(...children())
}
