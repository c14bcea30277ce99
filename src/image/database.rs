//! Nix's database for the image: the closure is registered as valid, so that the first Nix command knows it.

use rusqlite::{Connection, MAIN_DB, params};

use super::Result;
use super::closure::Closure;

/// The content of `/nix/var/nix/db/schema`: the schema of Nix 2.0 and newer.
pub const SCHEMA_VERSION: &str = "10";

/// When every path was registered, in seconds since 1970: the same moment as the store's file times, never "now".
const REGISTRATION_TIME: i64 = 1;

/// The tables as Nix's own `schema.sql` describes them; Nix opens no other.
const SCHEMA: &str = "
    create table ValidPaths (
        id               integer primary key autoincrement not null,
        path             text unique not null,
        hash             text not null,
        registrationTime integer not null,
        deriver          text,
        narSize          integer,
        ultimate         integer,
        sigs             text,
        ca               text
    );
    create table Refs (
        referrer  integer not null,
        reference integer not null,
        primary key (referrer, reference),
        foreign key (referrer) references ValidPaths(id) on delete cascade,
        foreign key (reference) references ValidPaths(id) on delete restrict
    );
    create index IndexReferrer on Refs(referrer);
    create index IndexReference on Refs(reference);
    create trigger DeleteSelfRefs before delete on ValidPaths
    begin
        delete from Refs where referrer = old.id and reference = old.id;
    end;
    create table DerivationOutputs (
        drv  integer not null,
        id   text not null,
        path text not null,
        primary key (drv, id),
        foreign key (drv) references ValidPaths(id) on delete cascade
    );
    create index IndexDerivationOutputs on DerivationOutputs(path);
";

/// The bytes of a `db.sqlite` in which the paths of `closure` are valid: the same for the same closure.
///
/// # Errors
/// When SQLite fails, which only a lack of memory makes it do.
pub fn serialize(closure: &Closure) -> Result<Vec<u8>> {
    let mut connection = Connection::open_in_memory()?;
    connection.execute_batch(SCHEMA)?;
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare(
            "insert into ValidPaths (path, hash, registrationTime, narSize, ca) values (?, ?, ?, ?, ?)",
        )?;
        for info in closure.paths() {
            // SQLite's integers are signed; no NAR comes near the difference.
            let size = i64::try_from(info.nar_size).unwrap_or(i64::MAX);
            insert.execute(params![info.path, info.nar_hash, REGISTRATION_TIME, size, info.ca])?;
        }
        let mut refer = transaction.prepare(
            "insert or ignore into Refs (referrer, reference)
             select a.id, b.id from ValidPaths a, ValidPaths b where a.path = ? and b.path = ?",
        )?;
        for info in closure.paths() {
            for reference in &info.references {
                refer.execute(params![info.path, reference])?;
            }
        }
    }
    transaction.commit()?;
    connection.execute_batch("vacuum")?;
    Ok(connection.serialize(MAIN_DB)?.to_vec())
}
