package wire

import (
	"testing"

	"github.com/emersion/go-sasl"
)

func TestParseBearer(t *testing.T) {
	tests := []struct {
		mechanism, response string
		user, token         string
		ok                  bool
	}{
		{xoauth2, "user=a@b\x01auth=Bearer t0k-._~+/==\x01\x01", "a@b", "t0k-._~+/==", true},
		{xoauth2, "user=a=b\x01auth=bearer t\x01\x01", "a=b", "t", true},
		{xoauth2, "user=a\x01auth=Bearer t\x01", "", "", false},
		{xoauth2, "user=a\x01auth=Bearer t\x01\x01\x01", "", "", false},
		{xoauth2, "user=a\x01auth=Bearer t\x01x=y\x01\x01", "", "", false},
		{xoauth2, "user=\x01auth=Bearer t\x01\x01", "", "", false},
		{xoauth2, "user=a\x01auth=Bearer \x01\x01", "", "", false},
		{xoauth2, "user=a\x01auth=Bearer =\x01\x01", "", "", false},
		{xoauth2, "user=a\x01auth=Bearer t=t\x01\x01", "", "", false},
		{xoauth2, "user=a\x01auth=Basic t\x01\x01", "", "", false},
		{xoauth2, "user=a\x01auth=Bearert\x01\x01", "", "", false},
		{xoauth2, "auth=Bearer t\x01user=a\x01\x01", "", "", false},
		{xoauth2, "", "", "", false},
		{xoauth2, "\x01\x01", "", "", false},
		{sasl.OAuthBearer, "n,a=a@b,\x01host=h\x01port=143\x01auth=Bearer t==\x01\x01", "a@b", "t==", true},
		{sasl.OAuthBearer, "n,a=a=2Cb=3D,\x01auth=BEARER t\x01\x01", "a,b=", "t", true},
		{sasl.OAuthBearer, "y,,\x01auth=Bearer t\x01user=x\x01\x01", "", "t", true},
		{sasl.OAuthBearer, "n,,\x01auth=Bearer t\x01auth=Bearer u\x01\x01", "", "", false},
		{sasl.OAuthBearer, "n,,\x01host=h\x01\x01", "", "", false},
		{sasl.OAuthBearer, "n,,\x01auth=Bearer t\x01\x01\x01", "", "", false},
		{sasl.OAuthBearer, "n,,\x01auth=Bearer t\x01", "", "", false},
		{sasl.OAuthBearer, "n,,\x01\x01", "", "", false},
		{sasl.OAuthBearer, "n,a=,\x01auth=Bearer t\x01\x01", "", "", false},
		{sasl.OAuthBearer, "n,a=a=2cb,\x01auth=Bearer t\x01\x01", "", "", false},
		{sasl.OAuthBearer, "n,a=a,b,\x01auth=Bearer t\x01\x01", "", "", false},
		{sasl.OAuthBearer, "n,u=a,\x01auth=Bearer t\x01\x01", "", "", false},
		{sasl.OAuthBearer, "p=x,,\x01auth=Bearer t\x01\x01", "", "", false},
		{sasl.OAuthBearer, "n,,\x01auth=Bearer t\x01p0rt=1\x01\x01", "", "", false},
		{sasl.OAuthBearer, "", "", "", false},
	}
	for _, tt := range tests {
		parse := parseXOAUTH2
		if tt.mechanism == sasl.OAuthBearer {
			parse = parseOAuthBearer
		}
		user, token, ok := parse(tt.response)
		if ok != tt.ok || ok && (user != tt.user || token != tt.token) {
			t.Errorf("%s %q: %q, %q, %v", tt.mechanism, tt.response, user, token, ok)
		}
	}
}

// A client that isn't ours writes what we read.
func TestIndependentBearerClient(t *testing.T) {
	_, initial, err := sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: "a@b", Token: "t==", Host: "h", Port: 587}).Start()
	if err != nil {
		t.Fatal(err)
	}
	if user, token, ok := parseOAuthBearer(string(initial)); !ok || user != "a@b" || token != "t==" {
		t.Errorf("%q: %q, %q, %v", initial, user, token, ok)
	}
}
