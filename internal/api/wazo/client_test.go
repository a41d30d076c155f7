package wazo_test

import (
	"net/url"
	"testing"
)

// TestThePublishedClientIsAnsweredAsItExpects makes the requests of the Python package
// wazo-webhookd-client, command by command, as it makes them: its headers, its spelling
// of parameters and bodies. It takes any answer with all of message, error_id, details
// and timestamp for an error, and returns the JSON of all others.
func TestThePublishedClientIsAnsweredAsItExpects(t *testing.T) {
	w := newWorld(t)
	tenant := w.tenant("")
	user := w.as(w.tokenOf(tenant, alice))
	uuid := ""
	headers := []string{"Accept", "application/json", "Connection", "close", "User-agent", "python"}
	for _, c := range []struct {
		command string
		as      *world
		method  string
		path    func() string
		body    any
		status  int
		has     []string // members of the answer
	}{
		{"status.get", w, "GET", at("/status"), nil, 200, []string{"bus_consumer", "master_tenant"}},
		{"config.get", w, "GET", at("/config"), nil, 200, []string{"debug"}},
		{"config.patch", w, "PATCH", at("/config"), []any{object{"op": "replace", "path": "/debug", "value": true}}, 200, []string{"debug"}},
		{"subscriptions.create", w, "POST", at("/subscriptions"), body(object{"metadata": object{"k": "v"}}), 201, []string{"uuid", "metadata"}},
		{"subscriptions.list", w, "GET", at("/subscriptions?recurse=True&search_metadata=" + url.QueryEscape("k:v")), nil, 200, []string{"items", "total"}},
		{"subscriptions.get", w, "GET", func() string { return "/subscriptions/" + uuid }, nil, 200, []string{"uuid"}},
		{"subscriptions.update", w, "PUT", func() string { return "/subscriptions/" + uuid }, body(nil), 200, []string{"uuid"}},
		{"subscriptions.get_logs", w, "GET", func() string {
			return "/subscriptions/" + uuid + "/logs?direction=asc&order=started_at&limit=5&offset=0&from_date=" + url.QueryEscape("2020-01-01T00:00:00+00:00")
		}, nil, 200, []string{"items", "total"}},
		{"subscriptions.list_services", w, "GET", at("/subscriptions/services"), nil, 200, []string{"services"}},
		{"subscriptions.delete", w, "DELETE", func() string { return "/subscriptions/" + uuid }, nil, 204, nil},
		{"subscriptions.create_as_user", user, "POST", at("/users/me/subscriptions"), body(nil), 201, []string{"uuid"}},
		{"subscriptions.list_as_user", user, "GET", at("/users/me/subscriptions"), nil, 200, []string{"items", "total"}},
		{"subscriptions.get_as_user", user, "GET", func() string { return "/users/me/subscriptions/" + uuid }, nil, 200, []string{"uuid"}},
		{"subscriptions.update_as_user", user, "PUT", func() string { return "/users/me/subscriptions/" + uuid }, body(nil), 200, []string{"uuid"}},
		{"subscriptions.delete_as_user", user, "DELETE", func() string { return "/users/me/subscriptions/" + uuid }, nil, 204, nil},
		{"mobile_notifications.send", user, "POST", at("/mobile/notifications"), object{
			"notification_type": "x", "user_uuid": alice, "title": "t", "body": "b", "extra": object{},
		}, 204, nil},
	} {
		o := c.as.want(c.status, c.method, c.path(), c.body, headers...)
		if made, ok := o["uuid"].(string); ok {
			uuid = made
		}
		for _, name := range c.has {
			if _, ok := o[name]; !ok {
				t.Errorf("%s: no %s in %v", c.command, name, o)
			}
		}
		if o["message"] != nil && o["error_id"] != nil {
			t.Errorf("%s: taken for an error: %v", c.command, o)
		}
	}
	w.refused(404, "no-such-subscription", "GET", "/subscriptions/"+nowhere, nil, headers...)
	w.as("").refused(401, "unauthorized", "GET", "/subscriptions", nil, headers...)
}

func at(path string) func() string { return func() string { return path } }
