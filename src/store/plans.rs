//! Plans at rest: the writes that a dry run of a workflow would have made, in order. One that is approved runs once: spending it is one
//! conditional UPDATE, so two processes cannot both win. What is in a plan is not looked at here.

use rusqlite::{Row, params};

use crate::base::error::Result;
use crate::store::{Store, failed};

/// One plan: leave to make exactly these requests once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRow {
    pub digest: String,
    /// The script's name, for people.
    pub script: String,
    /// JSON array, in order.
    pub requests: String,
    pub created_ms: i64,
    pub expires_ms: i64,
    /// `open`, `spent`.
    pub state: String,
    pub spent_ms: Option<i64>,
}

const COLUMNS: &str = "digest, script, requests, created_ms, expires_ms, state, spent_ms";

impl Store {
    /// Keeps an open plan. One of the same digest that was spent or is over is open again.
    pub fn put_plan(&self, plan: &PlanRow) -> Result<()> {
        let sql = format!(
            "INSERT INTO plans ({COLUMNS}) VALUES (?1,?2,?3,?4,?5,'open',NULL) \
             ON CONFLICT (digest) DO UPDATE SET script = excluded.script, requests = excluded.requests, created_ms = excluded.created_ms, \
             expires_ms = excluded.expires_ms, state = excluded.state, spent_ms = excluded.spent_ms"
        );
        let values = params![plan.digest, plan.script, plan.requests, plan.created_ms, plan.expires_ms];
        self.db.execute(&sql, values).map(drop).map_err(|error| failed(&error))
    }

    /// Plans whose digest begins so, in every state; a few are enough to know that it is not one.
    pub fn plans_like(&self, digest_prefix: &str) -> Result<Vec<PlanRow>> {
        let sql = format!("SELECT {COLUMNS} FROM plans WHERE substr(digest, 1, length(?1)) = ?1 LIMIT 3");
        let mut statement = self.db.prepare(&sql).map_err(|error| failed(&error))?;
        let rows = statement.query_map([digest_prefix], read).map_err(|error| failed(&error))?;
        rows.collect::<rusqlite::Result<_>>().map_err(|error| failed(&error))
    }

    /// Uses up an open plan whose time is not over; false when it is, or when another process did so first.
    pub fn spend_plan(&self, digest: &str, now_ms: i64) -> Result<bool> {
        let sql = "UPDATE plans SET state = 'spent', spent_ms = ?2 WHERE digest = ?1 AND state = 'open' AND expires_ms > ?2";
        self.db.execute(sql, params![digest, now_ms]).map(|changed| changed == 1).map_err(|error| failed(&error))
    }

    /// Forgets plans whose time was over before then, spent or not; answers how many.
    pub fn forget_plans(&self, before_ms: i64) -> Result<usize> {
        self.db.execute("DELETE FROM plans WHERE expires_ms < ?1", [before_ms]).map_err(|error| failed(&error))
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<PlanRow> {
    Ok(PlanRow {
        digest: row.get(0)?,
        script: row.get(1)?,
        requests: row.get(2)?,
        created_ms: row.get(3)?,
        expires_ms: row.get(4)?,
        state: row.get(5)?,
        spent_ms: row.get(6)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(digest: &str, expires_ms: i64) -> PlanRow {
        PlanRow {
            digest: digest.to_owned(),
            script: String::from("tidy.lua"),
            requests: String::from(r#"[{"function":"shop.create_article"}]"#),
            created_ms: 1,
            expires_ms,
            state: String::from("open"),
            spent_ms: None,
        }
    }

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().to_owned()).unwrap();
        (folder, store)
    }

    #[test]
    fn a_plan_is_spent_once_and_before_its_time_is_over() {
        let (_folder, store) = store();
        store.put_plan(&plan("abc", 100)).unwrap();
        assert_eq!(store.plans_like("a").unwrap(), [plan("abc", 100)]);
        assert!(!store.spend_plan("a", 50).unwrap(), "a plan is named in full");
        assert!(!store.spend_plan("abc", 100).unwrap(), "its time is over");
        assert!(store.spend_plan("abc", 99).unwrap() && !store.spend_plan("abc", 99).unwrap());
        assert_eq!(store.plans_like("abc").unwrap(), [PlanRow { state: String::from("spent"), spent_ms: Some(99), ..plan("abc", 100) }]);
        store.put_plan(&PlanRow { script: String::from("new.lua"), ..plan("abc", 200) }).unwrap();
        assert_eq!(store.plans_like("abc").unwrap(), [PlanRow { script: String::from("new.lua"), ..plan("abc", 200) }]);
        assert!(store.spend_plan("abc", 150).unwrap(), "it is open again");
    }

    #[test]
    fn plans_are_found_by_the_beginning_of_their_digest_and_forgotten_when_they_are_over() {
        let (_folder, store) = store();
        for (digest, expires_ms) in [("aa", 10), ("ab", 20), ("%", 30), ("b", 40)] {
            store.put_plan(&plan(digest, expires_ms)).unwrap();
        }
        let like = |start: &str| store.plans_like(start).unwrap().into_iter().map(|plan| plan.digest).collect::<Vec<_>>();
        assert_eq!((like("a").join(" "), like("%").join(" "), like("A").join(" ")), ("aa ab".into(), "%".into(), "".into()));
        assert_eq!(like("").len(), 3, "enough to see that it is not one");
        assert_eq!((store.forget_plans(20).unwrap(), like("a")), (1, vec![String::from("ab")]));
    }

    #[test]
    fn of_many_connections_one_spends() {
        let (folder, store) = store();
        for round in 0..10 {
            let digest = format!("d{round}");
            store.put_plan(&plan(&digest, 100)).unwrap();
            let spent = std::thread::scope(|scope| {
                let tries: Vec<_> = (0..8)
                    .map(|_| scope.spawn(|| Store::open(folder.path().to_owned()).unwrap().spend_plan(&digest, 50).unwrap()))
                    .collect();
                tries.into_iter().map(|one| one.join().unwrap()).filter(|won| *won).count()
            });
            assert_eq!(spent, 1);
        }
    }
}
