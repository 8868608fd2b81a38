use super::*;
use proptest::prelude::*;

const START: Timestamp = Timestamp::from_secs(1_800_000_000);
const DAY: u64 = 86_400;

/// Makes one attempt. The error is the wait of an attempt that is not evaluated.
fn try_once(counter: &mut Counter, limit: Limit, now: Timestamp) -> Result<(), Seconds> {
    let permit = counter.permit(limit, now)?;
    *counter = counter.counted(limit, permit, now);
    Ok(())
}

/// Checklist G-04, P-09, Z-12.
#[test]
fn free_attempts_come_at_once_then_one_a_minute_then_one_as_they_leak() {
    let mut counter = Counter::EMPTY;
    for number in 0..ACCOUNT.free {
        assert_eq!(try_once(&mut counter, ACCOUNT, START), Ok(()), "{number}");
    }
    // The first attempt beyond the free ones is evaluated at once, each later one after another minute.
    let mut now = START;
    for number in ACCOUNT.free..ACCOUNT.most {
        assert_eq!(try_once(&mut counter, ACCOUNT, now), Ok(()), "{number}");
        let wait = if number + 1 == ACCOUNT.most { break } else { counter.permit(ACCOUNT, now).unwrap_err() };
        assert_eq!(wait, ACCOUNT.pace, "{number}");
        now = now.saturating_add(wait);
    }
    let wait = counter.permit(ACCOUNT, now).unwrap_err();
    assert_eq!(wait.as_u64(), ACCOUNT.every.as_u64() - now.since(START).as_u64(), "until one has leaked out");
}

/// A right password takes back what it added, the wait included, so that the next user of the same address is not affected.
#[test]
fn a_right_password_leaves_no_trace() {
    for limit in [PAIR, ACCOUNT, SOURCE, CLIENT] {
        let mut counter = Counter::EMPTY;
        while counter.permit(limit, START).is_ok() {
            let before = counter;
            try_once(&mut counter, limit, START).unwrap();
            let returned = counter.returned(limit);
            assert_eq!(returned.permit(limit, START), before.permit(limit, START));
            assert!(returned.empty_at <= before.empty_at.max(START));
        }
    }
}

/// The most attempts of one day: on an account from all unknown sources, and on an account from one source.
#[test]
fn the_stated_hundred_a_day_are_a_hundred() {
    for limit in [PAIR, ACCOUNT] {
        assert_eq!(limit.most + (DAY - 1) / limit.every.as_u64(), 99, "in a day from its first second to its last");
        assert_eq!(limit.most + DAY / limit.every.as_u64(), 100, "and with the first second of the next");
    }
}

#[test]
fn so_many_a_day_come_at_once_and_then_as_they_leak() {
    for most in [1_u32, 2, 7, 200, 10_000, 86_400] {
        let (limit, mut counter) = (a_day(most), Counter::EMPTY);
        for number in 0..most {
            assert_eq!(try_once(&mut counter, limit, START), Ok(()), "{number} of {most}");
        }
        let wait = counter.permit(limit, START).unwrap_err();
        assert!(wait <= limit.every && DAY / limit.every.as_u64() <= u64::from(most), "{most}: {wait}");
        assert_eq!(try_once(&mut counter, limit, START.saturating_add(wait)), Ok(()));
        assert!(counter.permit(limit, START.saturating_add(wait)).is_err());
    }
    assert_eq!((a_day(0), a_day(u32::MAX)), (a_day(1), a_day(86_400)));
}

/// What happens next: time passes, or an attempt has a wrong or the right password.
#[derive(Debug, Clone, Copy)]
enum Act {
    Wait(u64),
    Wrong,
    Right,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        2 => (0_u64..4_000).prop_map(Act::Wait),
        1 => (80_000_u64..90_000).prop_map(Act::Wait),
        60 => Just(Act::Wrong),
        20 => Just(Act::Right),
    ];
    proptest::collection::vec(act, 1..800)
}

fn limit() -> impl Strategy<Value = Limit> {
    prop_oneof![Just(PAIR), Just(ACCOUNT), Just(SOURCE), Just(CLIENT)]
}

proptest! {
    /// For any mixture of attempts, right passwords and pauses: the stated bound holds in every span of time, a refused
    /// attempt is granted after the stated wait and not before, and a right password makes no attempt count for longer.
    #[test]
    fn no_mixture_gets_more_than_the_bound(limit in limit(), acts in acts()) {
        let (mut counter, mut now) = (Counter::EMPTY, START);
        let mut evaluated: Vec<Timestamp> = Vec::new();
        for act in acts {
            let before = counter;
            match act {
                Act::Wait(length) => now = now.saturating_add(Seconds::new(length)),
                Act::Wrong | Act::Right => match try_once(&mut counter, limit, now) {
                    Ok(()) if matches!(act, Act::Wrong) => evaluated.push(now),
                    Ok(()) => {
                        counter = counter.returned(limit);
                        prop_assert!(counter.empty_at <= before.empty_at.max(now), "nothing is forgotten later");
                    }
                    Err(wait) => {
                        prop_assert_eq!(counter, before, "a refusal changes nothing");
                        prop_assert!(wait >= Seconds::new(1) && wait <= limit.memory());
                        let then = now.saturating_add(wait);
                        prop_assert!(counter.permit(limit, then).is_ok(), "what it was told is true");
                        prop_assert!(counter.permit(limit, then.saturating_sub(Seconds::new(1))).is_err(), "and not too long");
                    }
                },
            }
            prop_assert!(counter.empty_at <= now.saturating_add(limit.memory()), "its memory is what it says");
        }
        for (first, from) in evaluated.iter().enumerate() {
            for (last, to) in evaluated.iter().enumerate().skip(first) {
                let most = limit.most + to.since(*from).as_u64() / limit.every.as_u64();
                prop_assert!((last - first + 1) as u64 <= most, "{} in {}", last - first + 1, to.since(*from));
            }
        }
    }

    /// Once a counter is empty, all free attempts are available again.
    #[test]
    fn a_counter_that_has_lapsed_begins_anew(limit in limit(), tries in 1_usize..1_000, later in 0_u64..1_000_000) {
        let mut counter = Counter::EMPTY;
        for _ in 0..tries {
            let _ = try_once(&mut counter, limit, START);
        }
        let then = counter.empty_at.saturating_add(Seconds::new(later));
        for number in 0..limit.free {
            prop_assert_eq!(try_once(&mut counter, limit, then), Ok(()), "{}", number);
        }
    }
}

/// The next number of a reproducible sequence (splitmix64).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// 5,000 users behind one address log in there for the first time, and 2 of 100 mistype and try again. None of them waits,
/// however fast they come. An attacker at that address has the stated attempts.
#[test]
fn five_thousand_people_behind_one_address_do_not_wait_for_each_other() {
    for (seed, seconds) in (0..200).zip([0, 60, 600, 3_600, 36_000].into_iter().cycle()) {
        let (mut state, mut source) = (seed, Counter::EMPTY);
        for user in 0..5_000 {
            let now = START.saturating_add(Seconds::new(user * seconds / 5_000));
            let mut pair = Counter::EMPTY;
            loop {
                assert_eq!(try_once(&mut source, SOURCE, now), Ok(()), "seed {seed}, person {user}");
                assert_eq!(try_once(&mut pair, PAIR, now), Ok(()));
                if next(&mut state) % 100 >= 2 {
                    source = source.returned(SOURCE);
                    break;
                }
            }
        }
    }
    let mut source = Counter::EMPTY;
    let mut attacker = 0;
    for second in 0..DAY {
        let now = START.saturating_add(Seconds::new(second));
        for _ in 0..3 {
            attacker += u64::from(try_once(&mut source, SOURCE, now).is_ok());
        }
        // A successful login of another user in between, if there is room for it.
        if try_once(&mut source, SOURCE, now).is_ok() {
            source = source.returned(SOURCE);
        }
    }
    assert_eq!(attacker, SOURCE.most + (DAY - 1) / SOURCE.every.as_u64());
}
