"""What holds of a pair: people who agree, disagree, change their minds, and take answers back."""

from reid_lib.review.decisions import CANNOT_TELL, COLUMNS, DIFFERENT, DISPUTED, SAME, DecisionTable
from reid_lib.review.votes import CURRENT_COLUMNS, keep_standing, tally_pair, tally_votes, weigh


def test_people_disagree(tmp_path):
    table = DecisionTable(tmp_path / "decisions.csv")

    def holds() -> list:
        columns = ["decision", "n_same", "n_different", "n_cannot_tell", "weight"]
        return tally_votes(table.read())[columns].values.tolist()

    table.append("b", "a", CANNOT_TELL, who="Ana")
    assert holds() == [[CANNOT_TELL, 0, 0, 1, 1]]
    table.append("a", "b", SAME, who="Ben")
    assert holds() == [[SAME, 1, 0, 1, 1]]
    table.append("a", "b", DIFFERENT, who="Ana")
    assert holds() == [[DISPUTED, 1, 1, 0, 1]]
    table.append("a", "b", DIFFERENT, who="Eva")
    table.append("b", "a", DIFFERENT, who="Eva")
    assert holds() == [[DIFFERENT, 1, 2, 0, 2]]
    found = tally_votes(table.read()).iloc[0]
    assert (found["image_id_1"], found["image_id_2"], found["who"]) == ("a", "b", "Ben; Ana; Eva")
    assert found["when"] == table.read()["when"].iloc[-1]


def test_one_pair_alone_holds_what_it_holds_among_all(tmp_path):
    table = DecisionTable(tmp_path / "decisions.csv")
    for one, other, decision, who in (
        ("a", "b", SAME, "Ana"), ("c", "b", SAME, "Ben"), ("b", "a", SAME, "Ben"), ("a", "b", DIFFERENT, "Ana"),
    ):  # fmt: skip
        table.append(one, other, decision, who=who)
    table.undo(table.append("a", "b", SAME, who="Eva"), who="Eva")
    standing = keep_standing(table.read())
    assert len(standing) == 4 and not len(keep_standing(table.read()[:0]))
    alone = tally_pair(standing.loc[standing["image_id_1"] == "a", COLUMNS].values.tolist())
    assert dict(zip(CURRENT_COLUMNS, alone, strict=True)) == tally_votes(table.read()).iloc[0].to_dict()
    assert alone[CURRENT_COLUMNS.index("decision")] == DISPUTED


def test_an_answer_weighs_what_says_the_same_less_what_contradicts_it():
    assert weigh([SAME, SAME, DIFFERENT, CANNOT_TELL], SAME) == 1 == weigh([SAME, SAME, DIFFERENT], DIFFERENT)
    assert weigh([SAME] * 3 + [DIFFERENT], SAME) == 2 == weigh([CANNOT_TELL] * 2, CANNOT_TELL)
