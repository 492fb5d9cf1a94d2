package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"
)

// note belongs to its author: others cannot read it.
type note struct {
	ID        int64     `json:"id"`
	Title     string    `json:"title"`
	Body      string    `json:"body"`
	Author    string    `json:"author"`
	CreatedAt time.Time `json:"created_at"`
}

// newNote is what a client sends. PostgreSQL cannot store NUL characters.
type newNote struct {
	Title string `json:"title" minLength:"1" maxLength:"200" pattern:"^[^\\x00]*$" patternDescription:"text without NUL"`
	Body  string `json:"body,omitempty" maxLength:"10000" pattern:"^[^\\x00]*$" patternDescription:"text without NUL"`
}

// notePage is a page of notes. Next is the cursor of the next page, or null on the last one.
type notePage struct {
	Items []note `json:"items" nullable:"false"`
	Next  *int64 `json:"next"`
}

type createNoteInput struct {
	Body newNote
}

type createNoteOutput struct {
	Location string `header:"Location"`
	Body     note
}

type noteInput struct {
	ID int64 `path:"id" minimum:"1"`
}

type noteOutput struct {
	Body note
}

type listNotesInput struct {
	Limit  int   `query:"limit" default:"20" minimum:"1" maximum:"100"`
	Cursor int64 `query:"cursor" minimum:"1" doc:"next of the previous page"`
}

type listNotesOutput struct {
	Body notePage
}

var errNotFound error = &problem{
	Type: "about:blank", Title: http.StatusText(http.StatusNotFound), Status: http.StatusNotFound,
}

func registerNotes(api huma.API, store noteStore) {
	huma.Register(api, huma.Operation{
		OperationID:   "create-note",
		Method:        http.MethodPost,
		Path:          "/api/v1/notes",
		Summary:       "Create a note",
		DefaultStatus: http.StatusCreated,
	}, store.handleCreate)
	huma.Register(api, huma.Operation{
		OperationID: "list-notes",
		Method:      http.MethodGet,
		Path:        "/api/v1/notes",
		Summary:     "List your notes, the oldest first",
	}, store.handleList)
	huma.Register(api, huma.Operation{
		OperationID: "read-note",
		Method:      http.MethodGet,
		Path:        "/api/v1/notes/{id}",
		Summary:     "Read a note",
	}, store.handleRead)
	huma.Register(api, huma.Operation{
		OperationID: "delete-note",
		Method:      http.MethodDelete,
		Path:        "/api/v1/notes/{id}",
		Summary:     "Delete a note",
	}, store.handleDelete)
}

func (s noteStore) handleCreate(ctx context.Context, input *createNoteInput) (*createNoteOutput, error) {
	created, err := s.create(ctx, subject(ctx), input.Body)
	if err != nil {
		return nil, err
	}
	return &createNoteOutput{fmt.Sprintf("/api/v1/notes/%d", created.ID), created}, nil
}

func (s noteStore) handleList(ctx context.Context, input *listNotesInput) (*listNotesOutput, error) {
	page, err := s.list(ctx, subject(ctx), input.Cursor, input.Limit)
	if err != nil {
		return nil, err
	}
	return &listNotesOutput{page}, nil
}

func (s noteStore) handleRead(ctx context.Context, input *noteInput) (*noteOutput, error) {
	found, err := s.read(ctx, subject(ctx), input.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	return &noteOutput{found}, nil
}

func (s noteStore) handleDelete(ctx context.Context, input *noteInput) (*struct{}, error) {
	deleted, err := s.delete(ctx, subject(ctx), input.ID)
	if err != nil {
		return nil, err
	}
	if !deleted {
		return nil, errNotFound
	}
	return nil, nil //nolint:nilnil // huma sends the 204
}
