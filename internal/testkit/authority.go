package testkit

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// Authority signs certificates for one test.
type Authority struct {
	CAPEM string // its own certificate, to be trusted
	cert  *x509.Certificate
	key   *ecdsa.PrivateKey
	leaf  tls.Certificate // of servers on loopback
}

// NewAuthority makes an authority and a server certificate for loopback,
// localhost and names below test.
func NewAuthority() (*Authority, error) {
	a := &Authority{}
	tmpl := template("Switchhook test authority")
	tmpl.IsCA, tmpl.BasicConstraintsValid = true, true
	tmpl.KeyUsage = x509.KeyUsageCertSign
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("testkit: authority: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("testkit: authority: %w", err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, fmt.Errorf("testkit: authority: %w", err)
	}
	a.key, a.CAPEM = key, encode("CERTIFICATE", der)

	server := template("receiver.test")
	server.DNSNames = []string{"localhost", "receiver.test", "*.receiver.test"}
	server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	certPEM, keyPEM, err := a.issue(server)
	if err != nil {
		return nil, err
	}
	a.leaf, err = tls.X509KeyPair([]byte(certPEM), []byte(keyPEM))
	return a, err
}

// ClientPEM makes a client certificate and its key.
func (a *Authority) ClientPEM(name string) (certPEM, keyPEM string, err error) {
	return a.issue(template(name))
}

func (a *Authority) issue(tmpl *x509.Certificate) (certPEM, keyPEM string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", fmt.Errorf("testkit: certificate: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return "", "", fmt.Errorf("testkit: certificate: %w", err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", "", fmt.Errorf("testkit: certificate: %w", err)
	}
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", pkcs8), nil
}

// ServerConfig is what a server on loopback speaks TLS with. Clients may have to show a
// certificate of the authority.
func (a *Authority) ServerConfig(requireClient bool) *tls.Config {
	c := &tls.Config{Certificates: []tls.Certificate{a.leaf}}
	if requireClient {
		c.ClientAuth = tls.RequireAndVerifyClientCert
		c.ClientCAs = x509.NewCertPool()
		c.ClientCAs.AddCert(a.cert)
	}
	return c
}

func template(name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
}

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
