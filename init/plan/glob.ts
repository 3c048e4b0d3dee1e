// Whether a text fits a pattern with `*`, `**` and `?`. In time that grows with the length of the text times that
// of the pattern and no faster, because both may come from an attacker who wants to keep PID 1 busy for hours:
// the text is read once, with the set of all places in the pattern where a match may stand. Pure.

const SLASH = "/";
/** The characters that a place of a pattern takes: any, or any but a slash; any number of them, or one. */
const ACROSS = "**";
const WITHIN = "*";
const ONE = "?";

/** `*` within one component, `**` across, `?` one character; all else is literal. Anchored at both ends. */
export function globMatches(pattern: string, text: string): boolean {
  const places = placesOf(pattern);
  let standing = new Uint8Array(places.length + 1);
  let next = new Uint8Array(places.length + 1);
  enter(0, places, standing);
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    let any = false;
    next.fill(0);
    for (let place = 0; place < places.length; place++) {
      if (standing[place] === 0) continue;
      const wanted = places[place] as string;
      const stays = wanted === ACROSS || (wanted === WITHIN && character !== SLASH);
      const passes =
        !isStar(wanted) && (wanted === ONE ? character !== SLASH : literal(wanted) === character);
      if (stays) enter(place, places, next);
      if (passes) enter(place + 1, places, next);
      any ||= stays || passes;
    }
    if (!any) return false;
    [standing, next] = [next, standing];
  }
  return standing[places.length] === 1;
}

/** A match that may stand before a star may stand behind it too: a star takes nothing if need be. */
function enter(place: number, places: readonly string[], standing: Uint8Array): void {
  for (let at = place; standing[at] === 0; at++) {
    standing[at] = 1;
    if (at === places.length || !isStar(places[at] as string)) return;
  }
}

function isStar(wanted: string): boolean {
  return wanted === ACROSS || wanted === WITHIN;
}

/** A literal is kept behind a backslash, so that no character is taken for a star. */
function literal(wanted: string): string {
  return wanted[1] as string;
}

function placesOf(pattern: string): string[] {
  const places: string[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] as string;
    if (character === WITHIN && pattern[at + 1] === WITHIN) {
      places.push(ACROSS);
      at++;
    } else places.push(character === WITHIN || character === ONE ? character : `\\${character}`);
  }
  return places;
}
