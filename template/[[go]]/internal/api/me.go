package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

type identity struct {
	Subject string `json:"subject"`
}

type identityOutput struct {
	Body identity
}

func registerMe(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "read-me",
		Method:      http.MethodGet,
		Path:        "/api/v1/me",
		Summary:     "Read the subject of your token",
	}, func(ctx context.Context, _ *struct{}) (*identityOutput, error) {
		return &identityOutput{identity{subject(ctx)}}, nil
	})
}
