"""What broke when the library was attacked and where new users stumbled: each line, before and now.

``python tests/table_of_found.py`` prints the table; with ``--tests`` the names of the tests that hold it, for
pytest. `test_table_of_found.py` sees that there are these tests.
"""

import sys
from typing import NamedTuple


class Line(NamedTuple):
    """Something that was tried."""

    tried: str
    before: str
    now: str
    tests: tuple[str, ...]
    """Files and functions, below this folder."""


def line(tried, before, now, *tests):
    return Line(tried, before, now, tests)


FOUND, READING, DOOR = "test_found.py", "test_reading.py", "judging/test_found_parity.py"
LOGS, SAID, COMMAND = (
    "commands/test_logs.py",
    "judging/test_what_is_said.py",
    "commands/test_parity_command.py",
)

TABLE = {
    "A schedule as a value": [
        line("`jax.jit(schedule)` with array leaves", "TypeError: unhashable",
             "runs; equal values hash equal", f"{FOUND}::test_equal_values_hash_equal"),
        line("a user's `class InverseSqrt(Schedule)`", "took over `from_dict` of ours",
             "each is read as what wrote it", f"{FOUND}::test_nobody_takes_the_place_of_ours"),
        line("`StepLR(np.array(0.1), 30)`", "half the digits lost, silently", "a number with all its digits",
             f"{FOUND}::test_a_numpy_scalar_is_a_number", f"{FOUND}::test_an_array_keeps_its_digits"),
        line("`from_dict` of a float64 array without x64", "half the digits lost, silently",
             "all digits kept",
             f"{FOUND}::test_a_dict_made_in_64_bits_keeps_its_digits"),
        line("`schedule(np.timedelta64(1))`", "accepted", "TypeError; so with all that is no count",
             f"{FOUND}::test_what_is_no_count_raises", f"{FOUND}::test_what_is_no_count_of_64_bits_raises"),
        line("a fractional count of infinity", "another value on the host", "ValueError, or the same value",
             f"{FOUND}::test_a_fractional_count_is_finite"),
        line("a sequence of n SWALR", "time doubled with each member", "time grows by the member",
             f"{FOUND}::test_a_program_grows_with_the_members",
             f"{FOUND}::test_what_goes_on_goes_on_from_the_last_value"),
        line("`jax_debug_infs`, `jax_debug_nans`, `disable_jit`", "raised at every value",
             "quiet in every mode",
             f"{FOUND}::test_debugging_is_quiet"),
        line("a table under vmap, counts on an explicit mesh", "ShardingTypeError", "the same values",
             f"{FOUND}::test_look_ups_of_sharded_counts"),
        line("−0.0", "came out of a formula or an argument", "0.0, in every mode",
             f"{FOUND}::test_a_zero_has_no_sign"),
    ],
    "With Optax": [
        line("`by_group`, bfloat16 parameters, `lax.scan`", "TypeError: the carry's dtypes change",
             "no dtype changes", "test_groups.py::test_no_type_changes_in_a_loop"),
        line("`current_lr` of a chain that scales twice", "1.0 where 0.1 was applied", "ValueError",
             f"{READING}::test_what_is_scaled_twice_is_not_told_once"),
        line("two schedules in `partition`, one `schedule=`", "one group's rate for both",
             "ValueError, or a dict",
             f"{READING}::test_groups_with_one_schedule", f"{READING}::test_each_group_has_its_own_schedule"),
        line("one group injected, one not", "the other left out", "ValueError",
             f"{READING}::test_no_group_is_left_out",
             f"{READING}::test_another_learning_rate_beside_it_or_within_it"),
        line("`contrib.muon`", "labels that nobody gave", "its own groups are asked for",
             f"{READING}::test_muons_groups_are_asked_for"),
        line("every optimizer of Optax that takes a schedule", "not looked at",
             "rate applied = rate read = schedule, or ValueError",
             f"{READING}::test_read_is_applied_is_the_schedule", f"{READING}::test_within_whatever_wraps_it"),
        line("a plateau saved with x64, restored without", "other bits, silently", "is said",
             "by_metric/test_plateau.py::test_a_state_saved_with_64_bits_and_gone_on_with_without_is_said"),
    ],
    "State machines": [
        line("GreedyLR, random traces with infinities and cancellation", "27 to 43 of 400 parted",
             "transformers' bits; 10,000 traces in `make test-long`",
             f"{FOUND}::test_greedy_is_transformers_to_the_bit",
             f"{FOUND}::test_greedy_is_transformers_to_the_bit_on_ten_thousand_traces"),
        line("ReduceLROnPlateau likewise", "held", "holds",
             "by_metric/test_plateau.py::test_equals_pytorch_at_random"),
    ],
    "The validator": [
        line("`sys.exit(0)` at import, or in a schedule", "exit 0: green", "exit 2, in one line",
             f"{DOOR}::test_what_cannot_be_compared_is_one_line",
             "judging/test_whatever_a_module_does.py::test_no_exit_code_is_green_but_the_verdicts"),
        line("two files of different length", "5 of 9 compared, exit 0", "exit 2, names the length",
             f"{DOOR}::test_files_that_are_not_taken"),
        line("`--group -1`, `--group 9`, `steps=1.5`", "accepted, or internal error",
             "exit 2, says which there are",
             f"{DOOR}::test_a_group_that_is_not_there", f"{DOOR}::test_in_python_the_same_door"),
        line("a schedule that returns None, text, a vector, …; a factory that returns None, a list, …",
             "raw errors from the depth", "exit 2: what came, what is wanted",
             f"{DOOR}::test_what_cannot_be_compared_is_one_line"),
        line("a module that does not import", "internal error, exit 3", "exit 2",
             f"{DOOR}::test_what_cannot_be_compared_is_one_line"),
        line("`--output` that cannot be written", "noticed after the run", "tried before it",
             f"{DOOR}::test_a_folder_is_tried_before_the_run", f"{LOGS}::test_a_log_beside_options"),
        line("byte-order marks, CRLF, a huge hexadecimal, deep JSON", "tracebacks",
             "read, or refused in a line",
             f"{DOOR}::test_logs_are_compared", f"{DOOR}::test_files_that_are_not_taken",
             f"{LOGS}::test_what_is_nested_too_deeply", "test_fuzz.py::test_a_trajectory_is_read_or_refused"),
        line("Ctrl-C; a worker that crashed", "tracebacks, INTERNALERROR",
             "ends at once and says what was done",
             f"{DOOR}::test_ctrl_c_ends_at_once_and_says_what_was_done",
             "doors/test_pytest_plugin.py::test_a_worker_that_has_crashed_leaves_nothing"),
        line("`-o` in one command only", "usage error", "the same in all that write",
             f"{COMMAND}::test_what_writes_is_told_where_in_the_same_words"),
        line("`T_max=50.0` on PyTorch's side", "IndexError", "compared",
             f"{DOOR}::test_a_period_that_is_a_float_is_pytorchs_to_take"),
    ],
    "New users": [
        line("1: a plain Python function", "internal error, exit 3", "called count by count",
             f"{DOOR}::test_a_plain_function_is_called_count_by_count",
             f"{DOOR}::test_a_function_of_arrays_is_one"),
        line("2: a file of 20 lines for 100 steps", "passed", "exit 2, names the length",
             f"{DOOR}::test_files_that_are_not_taken"),
        line("3: what people get wrong", "internal error with a traceback", "one line, exit 2",
             f"{DOOR}::test_what_cannot_be_compared_is_one_line", f"{DOOR}::test_in_python_the_same_door"),
        line("4: the first line of a failure", "its smallest fact", "the cause",
             f"{DOOR}::test_the_first_line_is_the_cause", f"{DOOR}::test_causes_come_first",
             f"{SAID}::test_an_assertion_begins_with_the_verdict"),
        line("5: a log written with `%.6g`", "failed at 93 of 100",
             "within the 6 digits that it kept; tolerances",
             f"{DOOR}::test_logs_are_compared", f"{DOOR}::test_a_distance_is_allowed_and_said",
             f"{SAID}::test_the_tolerance_that_is_named_will_do"),
        line("6: `1.761e+40 ULP`", "printed", "share of the peak for what is not close",
             f"{DOOR}::test_the_first_line_is_the_cause"),
        line("7: `parity --help` without extras", "ModuleNotFoundError", "help; what is missing is named",
             f"{LOGS}::test_without_a_package"),
        line("8: updates beside a scheduler in epochs", "could not be held", "`steps_per_epoch=`",
             f"{DOOR}::test_a_schedule_in_updates_beside_a_scheduler_in_epochs",
             f"{DOOR}::test_an_event_in_updates"),
        line("9: logs of W&B, TensorBoard, every tenth step", "refused", "compared",
             f"{DOOR}::test_logs_are_compared", f"{DOOR}::test_an_event_file",
             "commands/test_logs_with_gaps.py::test_a_log_with_gaps_has_a_cause"),
        line("10: fourteen failures", "150 lines in catalogue order", "worst first, equal causes together",
             "report/test_page.py::test_every_case_is_there_worst_first",
             "report/test_forms.py::test_the_terminal_says_an_equal_cause_once_worst_first"),
        line("11: `show zzz`, `list -k zzz`, `--scheduler steplr`", "silent, or 27 names",
             "says what there is",
             f"{COMMAND}::test_a_name_that_is_none_or_several"),
        line("12: a terminal of 40 columns", "cells cut off", "fewer columns, whole",
             f"{COMMAND}::test_a_narrow_terminal_shows_what_matters"),
        line("13: the page", "first failure below the fold, no keyboard", "seen at once; by keyboard alone",
             "report/test_browser.py::test_the_first_failure_and_its_picture_are_seen_without_scrolling",
             "report/test_browser.py::test_every_case_opens_and_every_picture_is_read_by_keyboard",
             "report/test_browser.py::test_search_and_filter_by_keyboard"),
        line("14: Ctrl-C", "nothing of what was done", "is said",
             f"{DOOR}::test_ctrl_c_ends_at_once_and_says_what_was_done"),
        line("15: momentum that nothing drives; two mistakes at once", "7e43 ULP; no cause", "is said",
             f"{SAID}::test_what_would_mislead", f"{DOOR}::test_causes_come_first"),
        line("19: `StepLR(lr=0.1, step_size=3)`", "Python's own message", "the learning rate is base_lr",
             "schedulers/test_arguments.py::test_an_argument_that_there_is_not"),
    ],
}  # fmt: skip


def held_by():
    """Each test once, in order."""
    return list(dict.fromkeys(test for lines in TABLE.values() for line in lines for test in line.tests))


def main():
    if "--tests" in sys.argv:
        print("\n".join(f"tests/{test}" for test in held_by()))
        return
    for kind, lines in TABLE.items():
        print(f"\n## {kind}\n\n| tried | before | now | held by |\n| --- | --- | --- | --- |")
        for each in lines:
            held = ", ".join(f"`{test.partition('::')[2]}`" for test in each.tests)
            print(f"| {each.tried} | {each.before} | {each.now} | {held} |")


if __name__ == "__main__":
    main()
