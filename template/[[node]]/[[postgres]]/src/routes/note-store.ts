import type pg from "pg";
import { transaction } from "../database.ts";

export interface NewNote {
  title: string;
  body: string;
}

/** A note belongs to its author: others cannot read it. */
export interface Note extends NewNote {
  id: number;
  author: string;
  /** When it was created, in RFC 3339. */
  created_at: string;
}

interface Row extends NewNote {
  id: string;
  author: string;
  created_at: Date;
}

const COLUMNS = "id, title, body, author, created_at";

function toNote(row: Row): Note {
  return { ...row, id: Number(row.id), created_at: row.created_at.toISOString() };
}

/** The notes in PostgreSQL. */
export class NoteStore {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** Stores a note and its event, both or neither. */
  create(author: string, { title, body }: NewNote): Promise<Note> {
    return transaction(this.#pool, async (client) => {
      const { rows } = await client.query<Row>(
        `INSERT INTO notes (title, body, author) VALUES ($1, $2, $3) RETURNING ${COLUMNS}`,
        [title, body, author],
      );
      const [note] = rows.map(toNote) as [Note];
      await client.query("INSERT INTO note_events (note_id, kind) VALUES ($1, 'created')", [note.id]);
      return note;
    });
  }

  /** Returns a note of the author, or undefined. */
  async read(author: string, id: number): Promise<Note | undefined> {
    const { rows } = await this.#pool.query<Row>(`SELECT ${COLUMNS} FROM notes WHERE id = $1 AND author = $2`, [
      id,
      author,
    ]);
    return rows.map(toNote)[0];
  }

  /**
   * Returns the author's notes, the oldest first.
   *
   * @param cursor the id after which the page starts
   * @param limit the size of the page
   * @returns the notes, and the cursor of the next page or null
   */
  async list(author: string, cursor: number, limit: number): Promise<{ items: Note[]; next: number | null }> {
    const { rows } = await this.#pool.query<Row>(
      `SELECT ${COLUMNS} FROM notes WHERE author = $1 AND id > $2 ORDER BY id LIMIT $3`,
      [author, cursor, limit + 1],
    );
    const items = rows.slice(0, limit).map(toNote);
    return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
  }

  /** Deletes a note of the author; returns whether it existed. */
  async delete(author: string, id: number): Promise<boolean> {
    const { rowCount } = await this.#pool.query("DELETE FROM notes WHERE id = $1 AND author = $2", [id, author]);
    return rowCount === 1;
  }
}
