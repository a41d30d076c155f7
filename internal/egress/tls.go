package egress

import (
	"crypto/tls"
	"crypto/x509"

	"github.com/switchhook/switchhook/internal/webhook"
)

// TLSConfig applies an endpoint's settings to base. The error is a
// *webhook.Error for a field below "tls".
func TLSConfig(base *tls.Config, own *webhook.TLS, host string) (*tls.Config, error) {
	c := base.Clone()
	c.ServerName = host
	if own == nil {
		return c, nil
	}
	c.ClientSessionCache = tls.NewLRUClientSessionCache(8) // other settings, other sessions
	c.InsecureSkipVerify = own.Insecure
	if own.ServerName != "" {
		c.ServerName = own.ServerName
	}
	if own.CAPEM != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(own.CAPEM)) {
			return nil, webhook.Errorf(webhook.CodeInvalid, "tls.ca", "holds no certificate in PEM form")
		}
	}
	if own.CertificatePEM != "" || own.KeyPEM != "" {
		pair, err := tls.X509KeyPair([]byte(own.CertificatePEM), []byte(own.KeyPEM.Reveal()))
		if err != nil {
			return nil, webhook.Errorf(webhook.CodeInvalid, "tls.certificate", "certificate and key are not a pair in PEM form")
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
