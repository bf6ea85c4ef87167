//! A private authority, and certificates that it signs.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// An authority that exists for one test. Its files go when it is dropped.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

/// A certificate and its key, as files.
#[derive(Clone, Debug)]
pub struct Certified {
    /// The file of the certificate.
    pub certificate: PathBuf,
    /// The file of the private key.
    pub key: PathBuf,
}

impl Authority {
    /// A new authority with its own key.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("restaurant-ca-").tempdir().expect("a temporary folder");
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        // Two authorities must not be taken for each other.
        params.distinguished_name.push(DnType::CommonName, format!("Test {:08x}", rand::random::<u32>()));
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        fs::write(folder.path().join("ca.pem"), certificate.pem()).expect("a file");
        Self { issuer: Issuer::new(params, key), folder }
    }

    /// The file of its own certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The folder of all its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A server's certificate for these names and addresses.
    pub fn server(&self, names: &[&str]) -> Certified {
        self.sign(&params(names, "a server"))
    }

    /// One that has expired.
    pub fn expired_server(&self, names: &[&str]) -> Certified {
        self.server_in_years(names, 2019..2020)
    }

    /// One that is valid from the beginning of a year to the beginning of another.
    pub fn server_in_years(&self, names: &[&str], years: Range<i32>) -> Certified {
        let mut params = params(names, "a server");
        params.not_before = date_time_ymd(years.start, 1, 1);
        params.not_after = date_time_ymd(years.end, 1, 1);
        self.sign(&params)
    }

    /// A client's certificate for this user.
    pub fn client(&self, user: &str) -> Certified {
        self.sign(&params(&[], user))
    }

    fn sign(&self, params: &CertificateParams) -> Certified {
        let name = format!("{:016x}", rand::random::<u64>());
        let path = |kind: &str| self.folder.path().join(format!("{name}-{kind}.pem"));
        let (certificate, key) = (path("certificate"), path("key"));
        let pair = KeyPair::generate().expect("a key");
        let signed = params.signed_by(&pair, &self.issuer).expect("a certificate");
        fs::write(&certificate, signed.pem()).expect("a file");
        fs::write(&key, pair.serialize_pem()).expect("a file");
        Certified { certificate, key }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Certified {
    /// Puts another certificate and key into the same files, as a renewal does.
    pub fn become_like(&self, other: &Self) {
        for (from, to) in [(&other.certificate, &self.certificate), (&other.key, &self.key)] {
            let new = to.with_extension("new");
            fs::copy(from, &new).expect("a copy");
            fs::rename(&new, to).expect("the file's name");
        }
    }

    /// How a private server uses it.
    pub fn for_server(&self, clients: Option<&Authority>) -> devcluster::ServerTls {
        devcluster::ServerTls {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            clients: clients.map(Authority::file),
        }
    }
}

fn params(names: &[&str], subject: &str) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names or addresses");
    params.distinguished_name.push(DnType::CommonName, subject);
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params
}
