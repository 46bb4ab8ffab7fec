/** What an answer of the site tells of a blob that is not here. Pure. */

export interface Whereabouts {
  /** Names of the sites that have it. */
  places: string[];
  said: string;
}

interface Told {
  detail?: string;
  remedy?: string;
  places?: { name: string }[];
}

/** Read a problem document; where it names no places, they are taken from its sentence. */
export function placesIn(text: string): Whereabouts {
  let told: Told;
  try {
    told = JSON.parse(text) as Told;
  } catch {
    return { places: [], said: "" };
  }
  const detail = told.detail ?? "";
  const named = /not here yet: it lies at ([^.]+)\./.exec(detail)?.[1]?.split(", ") ?? [];
  const places = told.places?.map((place) => place.name) ?? named;
  return { places, said: [forPeople(detail), told.remedy].filter(Boolean).join(" ") };
}

/** A person has no use for 64 digits, nor, once is said that nobody has it, for what each site answered. */
function forPeople(detail: string): string {
  return detail.replace(/\bBlob [0-9a-f]{64}\b/g, "It").replace(/(no site that answers has it\.).*$/, "$1");
}
