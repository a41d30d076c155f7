package kazoo_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/internal/webhook"
)

// Ids of the platform that is moved from.
const (
	oldMaster = "00000000000000000000000000000aaa"
	oldSub    = "00000000000000000000000000000bbb"
	oldOther  = "00000000000000000000000000000ccc"
)

// allDocs is what a CouchDB answers for documents.
func allDocs(docs ...string) string {
	rows := make([]string, len(docs))
	for i, doc := range docs {
		rows[i] = fmt.Sprintf(`{"id":"x","key":"x","value":{"rev":"1-a"},"doc":%s}`, doc)
	}
	return `{"total_rows":` + fmt.Sprint(len(docs)) + `,"offset":0,"rows":[` + strings.Join(rows, ",\n") + `]}`
}

// oldHook is a document of the webhooks database.
func oldHook(id, account, more string) string {
	return fmt.Sprintf(`{"_id":%q,"_rev":"3-x","pvt_type":"webhook","pvt_account_id":%q,"pvt_created":63800000000,"pvt_modified":63800000000,`+
		`"name":"old","uri":"https://receiver.example/","hook":"channel_create"%s}`, id, account, more)
}

func TestHooksMoveInWithTheirAccountsAndUsers(t *testing.T) {
	w := newWorld(t)
	file := allDocs(
		`{"_id":"_design/webhooks","language":"javascript"}`,
		oldHook("11111111111111111111111111111111", oldSub, `,"retries":"3","custom_data":{"a":"b"}`),
		oldHook("22222222222222222222222222222222", oldSub, `,"enabled":false,"pvt_disabled_message":"too many failed attempts"`),
		oldHook("33333333333333333333333333333333", oldSub, `,"enabled":false`),
		oldHook("44444444444444444444444444444444", oldSub, `,"pvt_deleted":true`),
		oldHook("55555555555555555555555555555555", oldOther, `,"hook":"outbound_fax"`),
		oldHook("odd.id", oldOther, `,"hook":"callflow","custom_data":{"k":"v"}`),
		`{"_id":"`+oldMaster+`","pvt_type":"account","name":"Old Master","realm":"master.example","pvt_tree":[]}`,
		`{"_id":"`+oldSub+`","pvt_type":"account","name":"Old Sub","realm":"sub.example","pvt_tree":["`+oldMaster+`"],"configs_webhooks":{"attempt_failure_count":3}}`,
		`{"_id":"66666666666666666666666666666666","pvt_type":"user","pvt_account_id":"`+oldSub+`","username":"ann","pvt_md5_auth":"`+digest("ann", "secret")+`"}`,
	)
	var got fields
	w.must(w.operate("POST", "/import", file, &got))
	if diff := cmp.Diff(fields{"accounts": 3.0, "users": 1.0, "hooks": 6.0, "skipped": 2.0}, got); diff != "" {
		t.Error(diff)
	}
	sub := "/v2/accounts/" + oldSub
	ann := w.as(w.login("ann", "secret", "old sub"))
	want := fields{
		"id": "11111111111111111111111111111111", "name": "old", "uri": "https://receiver.example/", "hook": "channel_create", "retries": 3.0,
		"custom_data": fields{"a": "b"}, "http_verb": "post", "format": "form-data", "enabled": true, "include_internal_legs": true,
	}
	if diff := cmp.Diff(want, ann.data(200, "GET", sub+"/webhooks/11111111111111111111111111111111", nil)); diff != "" {
		t.Error(diff)
	}
	list := ann.list(sub + "/webhooks?ascending=true")
	if list[1]["disable_reason"] != "too many failed attempts" || list[2]["disable_reason"] != nil || list[2]["enabled"] != false {
		t.Error(list)
	}
	if n := len(w.list(sub + "/webhooks?created_from=63800000000&created_to=63800000000")); n != 3 {
		t.Error(n)
	}

	other := w.list("/v2/accounts/" + oldOther + "/webhooks")
	types := map[any]any{}
	for _, h := range other {
		doc := w.data(200, "GET", "/v2/accounts/"+oldOther+"/webhooks/"+h["id"].(string), nil)
		types[doc["custom_data"].(fields)["type"]] = doc["hook"]
		if doc["id"] == "55555555555555555555555555555555" {
			linked := w.data(200, "GET", "/v2/accounts/"+oldOther+"/webhooks/"+doc["other_id"].(string), nil)
			if linked["other_id"] != doc["id"] || linked["custom_data"].(fields)["type"] != "outbound_fax_error" {
				t.Error(linked)
			}
		}
	}
	if diff := cmp.Diff(map[any]any{"outbound_fax": "notifications", "outbound_fax_error": "notifications", "callflow": "notifications"}, types); diff != "" {
		t.Error(diff)
	}
	hooks, err := w.control.Endpoints(t.Context(), mustID(t, oldSub), webhook.Page{})
	w.must(err)
	if p := hooks.Items[0].Health; p.WindowFailures != 3 {
		t.Errorf("the account's settings are not those of its hooks: %+v", p)
	}

	w.must(w.operate("POST", "/import", file, &got))
	if diff := cmp.Diff(fields{"accounts": 0.0, "users": 0.0, "hooks": 0.0, "skipped": 11.0}, got); diff != "" {
		t.Errorf("the second time: %s", diff)
	}
}

func TestAnImportIsAllOrNothingAndSaysWhere(t *testing.T) {
	w := newWorld(t)
	good := oldHook("11111111111111111111111111111111", oldSub, "")
	for file, want := range map[string]string{
		allDocs(good, oldHook("2", oldSub, `,"http_verb":"head"`)): "row 2, document 2: http_verb",
		allDocs(good, oldHook("2", oldSub, `,"uri":"ftp://x"`)):    "row 2, document 2: uri: invalid client URL",
		allDocs(good, oldHook("2", oldSub, `,"hook":"nope"`)):      "row 2, document 2: hook",
		allDocs(good, oldHook("2", "x", "")):                       "row 2, document 2: pvt_account_id",
		allDocs(good, `{"_id":"x","pvt_type":"account"}`):          "row 2, document x: _id",
		allDocs(good, "[]"):                            "row 2",
		allDocs(good, oldHook("no/slash", oldSub, "")): "document no/slash",
		allDocs(good, `{"_id":"`+oldMaster+`","pvt_type":"account","realm":"a b"}`): "document " + oldMaster + ": uid",
		`{"total_rows":1,"rows":[{"id":"x","value":{}}]}`:                           "row 1 has no doc",
		`{"total_rows":1}`:                      "rows",
		`[]`:                                    "_all_docs",
		``:                                      "not valid JSON",
		strings.TrimSuffix(allDocs(good), "]}"): "not valid JSON",
		strings.Replace(allDocs(good), `"uri":`, `"uri"`, 1): "row 1",
	} {
		err := w.operate("POST", "/import", file, nil)
		if err == nil || !strings.Contains(err.Error(), want) || webhook.CodeOf(err) == "" {
			t.Errorf("%.80s…: %v, want %s", file, err, want)
		}
	}
	w.want(404, "GET", "/v2/accounts/"+oldSub, nil)
}
