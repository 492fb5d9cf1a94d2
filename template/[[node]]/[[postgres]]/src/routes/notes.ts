import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { sendProblem } from "../problem.ts";
import { requireToken } from "./authenticate.ts";
import { NoteStore } from "./note-store.ts";

// PostgreSQL cannot store NUL.
const text = z.string().refine((value) => !value.includes("\0"), "must not contain NUL");
const NewNote = z.strictObject({ title: text.min(1).max(200), body: text.max(10_000).default("") });
const Note = z.object({
  id: z.int(),
  title: z.string(),
  body: z.string(),
  author: z.string(),
  created_at: z.iso.datetime(),
});
const Page = z.object({ items: z.array(Note), next: z.int().nullable() });
const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z.coerce.number().int().min(0).default(0).describe("`next` of the previous page"),
});
const NoteParameters = z.object({ id: z.coerce.number().int().min(1) });
const Nothing = z.null();

/** /api/v1/notes, an example to replace: create, list, read and delete your notes. */
const notes: FastifyPluginAsyncZod = async (app) => {
  requireToken(app);
  const store = new NoteStore(app.database);

  app.post(
    "/notes",
    { schema: { operationId: "create-note", summary: "Create a note", body: NewNote, response: { 201: Note } } },
    async (request, reply) => {
      const note = await store.create(request.subject, request.body);
      return reply.code(201).header("location", `/api/v1/notes/${note.id}`).send(note);
    },
  );

  app.get(
    "/notes",
    {
      schema: {
        operationId: "list-notes",
        summary: "List your notes, the oldest first",
        querystring: PageQuery,
        response: { 200: Page },
      },
    },
    async (request) => store.list(request.subject, request.query.cursor, request.query.limit),
  );

  app.get(
    "/notes/:id",
    { schema: { operationId: "read-note", summary: "Read a note", params: NoteParameters, response: { 200: Note } } },
    async (request, reply) => (await store.read(request.subject, request.params.id)) ?? sendProblem(reply, 404),
  );

  app.delete(
    "/notes/:id",
    {
      schema: {
        operationId: "delete-note",
        summary: "Delete a note",
        params: NoteParameters,
        response: { 204: Nothing },
      },
    },
    async (request, reply) => {
      const deleted = await store.delete(request.subject, request.params.id);
      return deleted ? reply.code(204).send(null) : sendProblem(reply, 404);
    },
  );
};

export default notes;
