package server_test

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

func startOnVercel(t *testing.T) *running {
	t.Helper()
	running := prepare(t, time.Minute) // not used on Vercel
	running.begin(t, running.service.RunOnVercel)
	return running
}

func TestOnVercelRequestsInFlightFinish(t *testing.T) {
	running := startOnVercel(t)
	status := running.get(t)
	metrics := net.JoinHostPort("127.0.0.1", strconv.Itoa(int(running.service.MetricsPort)))
	if connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", metrics); err == nil {
		_ = connection.Close()
		t.Error("the metrics port is open")
	}
	running.stop()
	close(running.released)
	if got := <-status; got != http.StatusOK {
		t.Errorf("got status %d", got)
	}
	if err := <-running.ended; err != nil {
		t.Error(err)
	}
}

func TestOnVercelSlowRequestsAreInterrupted(t *testing.T) {
	running := startOnVercel(t)
	status := running.get(t)
	running.stop()
	if err := <-running.ended; err == nil || !strings.Contains(err.Error(), "requests were interrupted") {
		t.Errorf("got %v", err)
	}
	if got := <-status; got != 0 {
		t.Errorf("got status %d", got)
	}
}
