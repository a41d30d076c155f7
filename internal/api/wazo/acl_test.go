package wazo

import "testing"

func TestAccessIsGrantedByPatterns(t *testing.T) {
	const user = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
	for _, c := range []struct {
		acl    acl
		access string
		want   bool
	}{
		{acl{}, "a.b", false},
		{acl{"a.b"}, "a.b", true},
		{acl{"a.b"}, "a.b.c", false},
		{acl{"a.b"}, "xa.b", false},
		{acl{"a.*"}, "a.b", true},
		{acl{"a.*"}, "a.b.c", false},
		{acl{"a.*.c"}, "a.b.c", true},
		{acl{"a.#"}, "a.b.c", true},
		{acl{"a.#"}, "a", false},
		{acl{"#"}, "anything.at.all", true},
		{acl{"a.#.d"}, "a.b.c.d", true},
		{acl{"a.#.d"}, "a.b.c", false},
		{acl{"#", "!a.b"}, "a.b", false},
		{acl{"!a.b", "#"}, "a.b", false},
		{acl{"#", "!a.#"}, "b.c", true},
		{acl{"!a.b"}, "a.c", false},
		{acl{"users.me.x"}, "users.me.x", true},
		{acl{"users.me.x"}, "users." + user + ".x", true},
		{acl{"users.me.x"}, "users.other.x", false},
		{acl{"users.*.x"}, "users.me.x", true},
		{acl{"users.home.x"}, "users.ho" + user + ".x", false},
		{acl{"a+(b"}, "a+(b", true},
		{acl{"a.b"}, "a-b", false},
		{acl{"a.b*"}, "a.bcd", true},
	} {
		if got := c.acl.allows(c.access, user); got != c.want {
			t.Errorf("%v allows %s: %v", c.acl, c.access, got)
		}
	}
	if (acl{"users.me.x"}).allows("users..x", "") {
		t.Error("nobody is a user")
	}
}
