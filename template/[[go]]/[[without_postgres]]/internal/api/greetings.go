package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

type newGreeting struct {
	Name string `json:"name" minLength:"1" maxLength:"100"`
}

type greeting struct {
	Greeting string `json:"greeting"`
}

type greetingInput struct {
	Body newGreeting
}

type greetingOutput struct {
	Body greeting
}

func registerGreetings(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "greet",
		Method:      http.MethodPost,
		Path:        "/api/v1/greetings",
		Summary:     "Greet somebody",
	}, func(_ context.Context, input *greetingInput) (*greetingOutput, error) {
		return &greetingOutput{greeting{"Hello, " + input.Body.Name}}, nil
	})
}
