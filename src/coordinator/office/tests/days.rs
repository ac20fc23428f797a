//! Whole days.

use super::{House, on_threads};
use crate::coordinator::control::Request;
use crate::coordinator::office::{Bundle, DrillFilter};
use crate::drill::journal::{Verified, verify};

const THREE: &str = "injects: [{scenario: quick}, {scenario: quick, control: sham}, {ask: Who tells them?}]\n\
                     review: {questions: [What surprised you?]}\n";

#[test]
fn a_drill_a_sham_and_a_question_from_the_bundle_to_the_closed_journal() {
    on_threads(async {
        let house = House::open().await;
        let office = &house.office;
        let id = house.add(THREE).await;
        assert_eq!(id, "tuesday-1");
        office.start(&id, "admin").await.unwrap();
        let view = house.until(&id, "the question", |view| view.runs[2].state == "running").await;
        assert_eq!(
            view.runs.iter().map(|run| &*run.state).collect::<Vec<_>>(),
            ["ended", "ended", "running"]
        );
        assert!(
            office.answer_run(&id, 1, "ana", "me").await.unwrap_err().detail.contains("run 1 is not the one")
        );
        office.answer_run(&id, 3, "ana", "Cleo does").await.unwrap();
        house.until_state(&id, "reviewing").await;
        office.note(&id, "ana", "quiet").await.unwrap();
        office.review(&id, "What surprised you?", "nothing", "ana").await.unwrap();
        assert_eq!(office.close(&id, "ana").await.unwrap(), [""; 0]);
        let view = house.until(&id, "closed", |view| view.line.closed).await;
        assert_eq!((view.line.done, view.runs[2].answer.as_deref().is_some()), (3, true));
        assert!(view.may.is_empty());
        assert_eq!(view.runs[0].words.as_ref().unwrap().effect, "confirmed");
        let journal = office.journal(&id).await.unwrap();
        assert!(matches!(verify(&journal, None), Verified::Whole { .. }));
        let drills =
            office.drills(&DrillFilter { gameday: Some(id.clone()), ..Default::default() }).await.unwrap();
        assert_eq!(drills.iter().map(|drill| drill.run).collect::<Vec<_>>(), [Some(2), Some(1)]);
        for drill in &drills {
            let journal = office.journal(&drill.id).await.unwrap();
            let Verified::Whole { lines, head } = verify(&journal, None) else { panic!("{drill:?}") };
            assert_eq!((drill.lines, drill.head.as_deref()), (lines, Some(&*head)));
            assert_eq!(
                (&*drill.state, drill.exit),
                ("over", view.runs[drill.run.unwrap() as usize - 1].exit)
            );
            let shown = office.drill(&drill.id).await.unwrap();
            assert!(shown.status.is_none() && shown.summary.is_some());
            let folder = office.reports(&drill.id).unwrap();
            for name in ["report.html", "report.md", "report.json", "junit.xml", "journal.jsonl"] {
                assert!(folder.join(name).is_file(), "{name}");
            }
            assert_eq!(std::fs::read(folder.join("journal.jsonl")).unwrap(), journal);
            let asked = office.ask_drill(&drill.id, |reply| Request::Status { reply }).await;
            assert_eq!(asked.unwrap_err().status, 409);
        }
        let sham = drills.iter().find(|drill| drill.control.is_some()).unwrap();
        let text = String::from_utf8(office.journal(&sham.id).await.unwrap()).unwrap();
        assert!(!text.contains("\"fault.applied\""), "a sham has no fault");
        assert_eq!(office.note(&id, "ana", "late").await.unwrap_err().status, 409);
        house.ended().await;
    });
}

#[test]
fn a_drill_is_on_record_before_it_begins_and_nothing_is_begun_twice() {
    on_threads(async {
        let house = House::open().await;
        let id = house.add("injects: [{scenario: quick, repeat: 2}]\n").await;
        house.office.start(&id, "admin").await.unwrap();
        house.until_state(&id, "reviewing").await;
        let kinds = house.kinds(&id).await;
        let places = |kind: &str| -> Vec<usize> {
            kinds.iter().enumerate().filter(|(_, known)| *known == kind).map(|(at, _)| at).collect()
        };
        let (ordered, began, ended) =
            (places("inject.begin"), places("inject.began"), places("inject.ended"));
        assert_eq!((ordered.len(), began.len(), ended.len()), (2, 2, 2), "{kinds:?}");
        assert!(ordered[0] < began[0] && began[0] < ended[0] && ended[0] < ordered[1] && began[1] < ended[1]);
        house.ended().await;
    });
}

#[test]
fn the_lines_of_a_journal_are_waited_for_until_no_more_will_come() {
    on_threads(async {
        let house = House::open().await;
        let id = house.add("injects: [{ask: Ready?}]\n").await;
        let mut changed = house.office.changed(&id).await.unwrap();
        let before = *changed.borrow_and_update();
        house.office.start(&id, "admin").await.unwrap();
        changed.changed().await.unwrap();
        assert!(*changed.borrow_and_update() > before);
        house.until(&id, "asked", |view| view.runs[0].state == "running").await;
        house.office.answer_run(&id, 1, "ana", "yes").await.unwrap();
        house.until_state(&id, "reviewing").await;
        assert_eq!(house.office.close(&id, "ana").await.unwrap(), ["And now?"], "nobody has answered it");
        let why = house.day(&id).await.line.why;
        assert_eq!(why.as_deref(), Some("question 1 of the review is not answered"));
        while changed.changed().await.is_ok() {}
        let lines = house.office.lines(&id, 0).await.unwrap();
        assert_eq!(*changed.borrow(), lines.len() as u64);
        assert_eq!(house.office.lines(&id, 2).await.unwrap(), lines[2..]);
        house.ended().await;
    });
}

#[test]
fn a_bundle_that_cannot_be_used_is_refused_with_every_problem_and_leaves_nothing() {
    on_threads(async {
        let house = House::open().await;
        let office = &house.office;
        let wrong = house.bundle("injects: [{scenario: nowhere}]\nnonsense: 1\n");
        let refusal = office.add_gameday(wrong.clone(), "admin").await.unwrap_err();
        assert_eq!(refusal.status, 422);
        assert!(
            refusal.problems.iter().filter(|problem| problem.severity == "error").count() >= 2,
            "{refusal:?}"
        );
        assert!(refusal.problems.iter().all(|problem| problem.file == "tuesday.yaml" && problem.line > 1));
        assert_eq!(office.check_bundle(wrong).await.unwrap_err().status, 422);
        let good = house.bundle("injects: [{scenario: quick}]\n");
        assert_eq!(office.check_bundle(good.clone()).await.unwrap().id, "tuesday-1");
        assert!(office.gamedays().await.unwrap().is_empty(), "a check keeps nothing");
        let twice = Bundle { files: [good.files.clone(), good.files.clone()].concat(), ..good.clone() };
        assert!(office.check_bundle(twice).await.unwrap_err().detail.contains("twice"));
        let no_main = Bundle { main: "other.yaml".to_owned(), ..good };
        assert!(office.check_bundle(no_main).await.unwrap_err().detail.contains("other.yaml"));
        assert_eq!(office.gameday("tuesday-1").await.unwrap_err().status, 404);
        assert_eq!(office.journal("none").await.unwrap_err().status, 404);
        house.ended().await;
    });
}
