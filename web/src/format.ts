/** Dates, sizes and counts as people read them. Pure; times are shown in the zone they were taken. */

const MONTHS = [
  "January", "February", "March", "April", "May", "June",
  "July", "August", "September", "October", "November", "December",
];

const counts = new Intl.NumberFormat("en");

export function formatCount(count: number, one: string, many = `${one}s`): string {
  return `${counts.format(count)} ${count === 1 ? one : many}`;
}

export function formatNumber(value: number): string {
  return counts.format(value);
}

/** "2024-05" → "May 2024"; null → "Undated". */
export function formatMonth(month: string | null): string {
  const match = /^(\d{4})-(\d{2})$/.exec(month ?? "");
  if (!match) return month ?? "Undated";
  return `${MONTHS[Number(match[2]) - 1] ?? match[2]} ${match[1]}`;
}

/** "2024-03", "2024-05" → "March – May 2024"; equal ends → one month. */
export function formatMonths(oldest: string | null, newest: string | null): string {
  const last = formatMonth(newest);
  if (oldest === newest) return last;
  const first = formatMonth(oldest);
  const isSameYear = oldest?.slice(0, 4) === newest?.slice(0, 4);
  return `${isSameYear ? first.replace(/ \d{4}$/, "") : first} – ${last}`;
}

/** "2024-05-03T14:22:05+02:00" → "3 May 2024, 14:22". The wall clock at the place counts. */
export function formatTime(time: string): string {
  const match = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}:\d{2}))?/.exec(time);
  if (!match) return time;
  const day = `${Number(match[3])} ${MONTHS[Number(match[2]) - 1] ?? match[2]} ${match[1]}`;
  return match[4] ? `${day}, ${match[4]}` : day;
}

/** "+02:00" of a capture time; empty where the zone is unknown. */
export function formatZone(time: string): string {
  return /T.*?(Z|[+-]\d{2}:\d{2})$/.exec(time)?.[1]?.replace("Z", "UTC") ?? "";
}

/** 8412331 → "8.4 MB" (decimal units). */
export function formatBytes(size_bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = size_bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** 3723 → "1:02:03", 64 → "1:04". */
export function formatDuration(duration_s: number): string {
  const whole = Math.round(duration_s);
  const [hours, minutes, seconds] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const pad = (value: number) => String(value).padStart(2, "0");
  return hours ? `${hours}:${pad(minutes)}:${pad(seconds)}` : `${minutes}:${pad(seconds)}`;
}

/** A place in a film or recording: 83.9 → "00:01:23". */
export function formatClock(second: number): string {
  const whole = Math.max(0, Math.floor(second));
  const pad = (value: number) => String(value).padStart(2, "0");
  return [whole / 3600, (whole / 60) % 60, whole % 60].map((value) => pad(Math.floor(value))).join(":");
}

/** 48.2082, 16.3738 → "48.20820° N, 16.37380° E". */
export function formatPosition(latitude: number, longitude: number): string {
  const ns = `${Math.abs(latitude).toFixed(5)}° ${latitude < 0 ? "S" : "N"}`;
  return `${ns}, ${Math.abs(longitude).toFixed(5)}° ${longitude < 0 ? "W" : "E"}`;
}

/** 0.4 → "0.4 s", 95 → "2 min", 7300 → "2 h", 200000 → "2 days". */
export function formatSpan(span_s: number): string {
  if (span_s < 10) return `${Math.max(0, span_s).toFixed(1)} s`;
  if (span_s < 90) return `${Math.round(span_s)} s`;
  if (span_s < 90 * 60) return `${Math.round(span_s / 60)} min`;
  if (span_s < 36 * 3600) return `${Math.round(span_s / 3600)} h`;
  return formatCount(Math.round(span_s / 86_400), "day");
}

/** A time in milliseconds since 1970, seen from `now_ms`: "just now", "3 min ago". */
export function formatAgo(time_ms: number | null, now_ms: number): string {
  if (time_ms === null) return "never";
  const span_s = (now_ms - time_ms) / 1000;
  return span_s < 10 ? "just now" : `${formatSpan(span_s)} ago`;
}

/** An ISO time in the zone of this browser: "3 May 2024, 14:22". For what people did, not for captures. */
export function formatMoment(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  const pad = (value: number) => String(value).padStart(2, "0");
  return `${date.getDate()} ${MONTHS[date.getMonth()]} ${date.getFullYear()}, ${pad(date.getHours())}:${pad(date.getMinutes())}`;
}
