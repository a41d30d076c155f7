package sign_test

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/switchhook/switchhook/internal/sign"
	"github.com/switchhook/switchhook/internal/webhook"
	"pgregory.net/rapid"
)

// The published test vectors of Standard Webhooks.
const (
	vectorSymmetric = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorPrivate   = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
	vectorPublic    = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
	vectorID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorTime      = 1614265330
	vectorBody      = `{"test": 2432232314}`
	vectorV1        = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	vectorV1a       = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
)

var vectorNow = time.Unix(vectorTime, 0)

func keys(texts ...webhook.Secret) []webhook.SigningKey {
	out := make([]webhook.SigningKey, len(texts))
	for i := range texts {
		out[i].Key = texts[i]
	}
	return out
}

func header(t *testing.T, keys []webhook.SigningKey, now time.Time) string {
	t.Helper()
	h, err := sign.Header(keys, now, vectorID, vectorTime, []byte(vectorBody))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHeaderEqualsThePublishedVectors(t *testing.T) {
	if got := header(t, keys(vectorSymmetric), vectorNow); got != vectorV1 {
		t.Errorf("symmetric: %s", got)
	}
	if got := header(t, keys(vectorPrivate), vectorNow); got != vectorV1a {
		t.Errorf("asymmetric: %s", got)
	}
}

func TestEveryLiveKeySignsInOrderDuringARotation(t *testing.T) {
	rotated := keys(vectorPrivate, vectorSymmetric, sign.NewSymmetric())
	rotated[1].ExpiresAt = vectorNow.Add(time.Second)
	rotated[2].ExpiresAt = vectorNow // no longer live at that very moment
	if got, want := header(t, rotated, vectorNow), vectorV1a+" "+vectorV1; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := header(t, rotated, vectorNow.Add(time.Second)); got != vectorV1a {
		t.Errorf("after the overlap: %s", got)
	}
}

func TestKeysOfADialectAreLeftOut(t *testing.T) {
	if got := header(t, keys("5a4a1cf4895441a1dfaa504c471510be819198e7", vectorSymmetric), vectorNow); got != vectorV1 {
		t.Errorf("got %s", got)
	}
	if got := header(t, nil, vectorNow); got != "" {
		t.Errorf("without keys: %q", got)
	}
}

func TestAKeyThatCannotBeUsedIsAnErrorThatDoesNotShowIt(t *testing.T) {
	for _, text := range []webhook.Secret{"whsec_not*base64", "whsec_", "whsk_not*base64", "whsk_c2hvcnQ="} {
		_, err := sign.NewSigner(keys(vectorSymmetric, text))
		if err == nil || !strings.Contains(err.Error(), "1") || strings.Contains(err.Error(), "not*") {
			t.Errorf("%s: %v", text.Reveal(), err)
		}
	}
}

func TestASignerIsSafeForConcurrentUse(t *testing.T) {
	s, err := sign.NewSigner(keys(vectorSymmetric, vectorPrivate))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				got := string(s.AppendHeader([]byte("x "), vectorNow, vectorID, vectorTime, []byte(vectorBody)))
				if got != "x "+vectorV1+" "+vectorV1a {
					t.Errorf("got %s", got)
				}
			}
		})
	}
	wg.Wait()
}

func TestASignerReusesItsState(t *testing.T) {
	s, err := sign.NewSigner(keys(vectorSymmetric))
	if err != nil {
		t.Fatal(err)
	}
	dst, body := make([]byte, 0, 256), []byte(vectorBody)
	n := testing.AllocsPerRun(500, func() { dst = s.AppendHeader(dst[:0], vectorNow, vectorID, vectorTime, body) })
	if n > 3 { // none, but for what the race detector makes a pool forget
		t.Errorf("%v allocations", n)
	}
}

func TestTheStandardLibraryAcceptsOurSignaturesAndMakesTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := sign.NewSymmetric()
		msgID := rapid.StringMatching(`msg_[0-9a-zA-Z]{1,40}`).Draw(t, "id")
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		now := time.Now()
		got, err := sign.Header(keys(key, sign.NewAsymmetric(), sign.NewSymmetric()), now, msgID, now.Unix(), body)
		if err != nil {
			t.Fatal(err)
		}
		oracle, err := standardwebhooks.NewWebhook(key.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{}
		h.Set("webhook-id", msgID)
		h.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
		h.Set("webhook-signature", got)
		if err := oracle.Verify(body, h); err != nil {
			t.Fatal(err)
		}
		if want, _ := oracle.Sign(msgID, now, body); !strings.HasPrefix(got, want+" ") {
			t.Fatalf("%s does not begin with %s", got, want)
		}
	})
}

func TestFreshKeysMayBeSetAndDiffer(t *testing.T) {
	for _, fresh := range []func() webhook.Secret{sign.NewSymmetric, sign.NewAsymmetric} {
		a, b := fresh(), fresh()
		if err := sign.CheckKey(a.Reveal()); err != nil || a == b {
			t.Errorf("%s, %s: %v", a.Reveal(), b.Reveal(), err)
		}
	}
}

func TestPublicGivesTheKeyThatVerifies(t *testing.T) {
	if got, err := sign.Public(vectorPrivate); err != nil || got != vectorPublic {
		t.Errorf("%s, %v", got, err)
	}
	for _, s := range []webhook.Secret{vectorSymmetric, "whsk_c2hvcnQ=", ""} {
		if got, err := sign.Public(s); err == nil {
			t.Errorf("%s has the public key %s", s.Reveal(), got)
		}
	}
}

func TestCheckKeyAcceptsOnlyWhatCanBeSignedWith(t *testing.T) {
	swapped := []byte(vectorPrivate)
	copy(swapped[80:84], "AAAA")
	for text, ok := range map[string]bool{
		vectorSymmetric:                                true,
		vectorPrivate:                                  true,
		"whsec_" + strings.Repeat("AAAA", 8):           true,  // 24 bytes
		"whsec_" + strings.Repeat("AAAA", 21) + "AA==": true,  // 64
		"whsec_" + strings.Repeat("AAAA", 7):           false, // 21
		"whsec_" + strings.Repeat("AAAA", 22):          false, // 66
		"whsec_" + strings.Repeat("AAAA", 8) + "\n":    false,
		"whsec_" + strings.Repeat("AAAA", 8) + "AB==":  false, // bits behind the end
		"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw":             false,
		vectorPublic:                                   false,
		string(swapped):                                false,
		"whsk_" + strings.Repeat("AAAA", 8):            false,
		"":                                             false,
	} {
		if err := sign.CheckKey(text); (err == nil) != ok {
			t.Errorf("CheckKey(%q) = %v", text, err)
		}
	}
}

func TestVerifyAcceptsAnyOfSeveralSignaturesAndKeys(t *testing.T) {
	h := sign.Headers{ID: vectorID, Timestamp: strconv.Itoa(vectorTime)}
	other, otherPublic := sign.NewSymmetric().Reveal(), "whpk_"+strings.Repeat("AAAA", 10)+"AAA="
	for _, c := range []struct {
		name, signature string
		keys            []string
		want            error
	}{
		{"symmetric", vectorV1, []string{vectorSymmetric}, nil},
		{"asymmetric", vectorV1a, []string{vectorPublic}, nil},
		{"unknown versions before it", "v2,AAAA v1 , " + vectorV1, []string{vectorSymmetric}, nil},
		{"second key", vectorV1, []string{other, vectorSymmetric}, nil},
		{"second signature", vectorV1 + " " + vectorV1a, []string{otherPublic, vectorPublic}, nil},
		{"other key", vectorV1, []string{other}, sign.ErrNoSignature},
		{"no key", vectorV1, nil, sign.ErrNoSignature},
		{"version of the other kind", "v1a," + vectorV1[3:], []string{vectorSymmetric, vectorPublic}, sign.ErrNoSignature},
		{"nothing signed", " ", []string{vectorSymmetric}, sign.ErrNoSignature},
		{"no header", "", []string{vectorSymmetric}, sign.ErrHeaders},
		{"far too many", strings.Repeat(" ", 64) + vectorV1, []string{vectorSymmetric}, sign.ErrHeaders},
	} {
		h.Signature = c.signature
		if err := sign.Verify(c.keys, h, []byte(vectorBody), vectorNow, time.Minute); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	h.Signature = vectorV1
	for _, key := range []string{vectorPrivate, "whsec_*", "whsec_", "whpk_*", "whpk_AAAA", ""} {
		if err := sign.Verify([]string{key}, h, []byte(vectorBody), vectorNow, time.Minute); err == nil || errors.Is(err, sign.ErrNoSignature) {
			t.Errorf("key %q: %v", key, err)
		}
	}
}

func TestVerifyToleratesTheClockBothWays(t *testing.T) {
	h := sign.Headers{ID: vectorID, Timestamp: strconv.Itoa(vectorTime), Signature: vectorV1}
	for off, want := range map[time.Duration]error{
		0: nil, 5 * time.Minute: nil, -5 * time.Minute: nil,
		5*time.Minute + 1: sign.ErrTooOld, -5*time.Minute - 1: sign.ErrTooNew,
	} {
		if err := sign.Verify([]string{vectorSymmetric}, h, []byte(vectorBody), vectorNow.Add(off), 5*time.Minute); !errors.Is(err, want) {
			t.Errorf("off by %v: %v", off, err)
		}
	}
	for _, text := range []string{"", "x", "+1614265330", "01614265330", "1614265330.0", "9223372036854775808"} {
		h.Timestamp = text
		if err := sign.Verify([]string{vectorSymmetric}, h, []byte(vectorBody), vectorNow, time.Minute); !errors.Is(err, sign.ErrHeaders) {
			t.Errorf("timestamp %q: %v", text, err)
		}
	}
}

func TestSHA1HexEqualsWhatPyWebhooksSends(t *testing.T) {
	const key = "5a4a1cf4895441a1dfaa504c471510be819198e7"
	for body, want := range map[string]string{
		`{"items": [{"item1": 1}, {"item2": 2}], "message": "hello world"}`: "6f03a972308786b9d21b41fb821a3ce8dc51cafa",
		`{}`:                                     "f1d4e47d8d83b77608bac560e047c19ebca19a5f",
		`[]`:                                     "7cb155c27d10404508129e38445515b1908d13e5",
		`null`:                                   "9cd9714c22c5e77622374ea405a5fee4f31efc25",
		`"text"`:                                 "0aae32fed4dda76aca2f93179854aff00cf07932",
		`{"a": "\u2028\u007f\ud83d\ude00/\\\""}`: "10d2097aabe345590b8fa305751e0bb16421f68c",
		`[1.0, 100.0, 1e+30, -0.0, 1e+16, 9007199254740993, 1e-05, 0.0001, 100.5, 123456789.125, 1e+22, 5e-324, 1.7976931348623157e+308]`: "34cc2dcf907f39472e99ded6c4b92034eda0a6d9",
	} {
		if got := sign.SHA1Hex(key, []byte(body)); got != want {
			t.Errorf("%s: %s", body, got)
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(vectorID, strconv.Itoa(vectorTime), vectorV1+" "+vectorV1a, []byte(vectorBody))
	f.Add("", "-1", "v1,AAAA v1a,", []byte(nil))
	verifying := []string{vectorSymmetric, vectorPublic}
	f.Fuzz(func(t *testing.T, msgID, ts, signature string, body []byte) {
		h := sign.Headers{ID: msgID, Timestamp: ts, Signature: signature}
		if sign.Verify(verifying, h, body, vectorNow, time.Minute) != nil {
			return
		}
		// Whatever is accepted is what we sign, in the same spelling of the time.
		at, err := strconv.ParseInt(ts, 10, 64)
		if err != nil || strconv.FormatInt(at, 10) != ts || msgID == "" {
			t.Fatalf("accepted: id %q, time %q", msgID, ts)
		}
		want, err := sign.Header(keys(vectorSymmetric, vectorPrivate), vectorNow, msgID, at, body)
		if err != nil {
			t.Fatal(err)
		}
		for one := range strings.SplitSeq(want, " ") {
			if strings.Contains(signature, one) {
				return
			}
		}
		t.Fatalf("accepted %q", signature)
	})
}

func FuzzVerifyTakesAnyKey(f *testing.F) {
	f.Add(vectorSymmetric)
	f.Add(vectorPublic)
	f.Add("whsec_")
	h := sign.Headers{ID: vectorID, Timestamp: strconv.Itoa(vectorTime), Signature: vectorV1 + " " + vectorV1a}
	f.Fuzz(func(t *testing.T, key string) {
		err := sign.Verify([]string{key}, h, []byte(vectorBody), vectorNow, time.Minute)
		if err == nil && !strings.HasPrefix(key, "whsec_") && key != vectorPublic {
			t.Fatalf("%q verified", key)
		}
	})
}

func BenchmarkAppendHeader(b *testing.B) {
	body := bytes.Repeat([]byte("x"), 1024)
	for _, c := range []struct {
		name string
		key  webhook.Secret
	}{{"v1", vectorSymmetric}, {"v1a", vectorPrivate}} {
		b.Run(c.name, func(b *testing.B) {
			s, err := sign.NewSigner(keys(c.key))
			if err != nil {
				b.Fatal(err)
			}
			dst := make([]byte, 0, 256)
			b.ReportAllocs()
			for b.Loop() {
				dst = s.AppendHeader(dst[:0], vectorNow, vectorID, vectorTime, body)
			}
		})
	}
}
