/** Where a still of a film comes from, read off the name that `flyonce analyze` gives it. */

export interface Still {
  film: string;
  /** Media time, hh:mm:ss.mmm. */
  time: string;
  frame: number;
}

const NAME = /^(.+)_(\d\d)-(\d\d)-(\d\d\.\d{3})_f(\d{6,})\.jpg$/;

/** The film, time and frame of a still; null for a photo. */
export function stillOf(fileName: string | null | undefined): Still | null {
  const [, film, hours, minutes, seconds, frame] = NAME.exec(fileName ?? "") ?? [];
  return film && frame ? { film, time: `${hours}:${minutes}:${seconds}`, frame: Number(frame) } : null;
}
