package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/example/my-service/internal/web"
)

const usualSeconds = 2

// slow answers after as many seconds as the request asks for.
func slow(w http.ResponseWriter, r *http.Request) {
	seconds, err := strconv.Atoi(r.URL.Query().Get("seconds"))
	if err != nil {
		seconds = usualSeconds
	}
	time.Sleep(time.Duration(seconds) * time.Second)
	web.JSON(w, http.StatusOK, map[string]string{"status": "slow"})
}
