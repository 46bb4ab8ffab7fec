"""Cities by name, and distances."""

from __future__ import annotations

import pytest

from museion.search.places import Place, distance_km, find_place, similar_names


def found(name: str) -> Place:
    place = find_place(name)
    assert place is not None
    return place


def test_the_biggest_city_of_a_name_wins() -> None:
    assert (found("Vienna").country, found("Paris").country) == ("AT", "FR")


@pytest.mark.parametrize("name", ["Wien", "wien", "VIENNA", "Bécs", "Вена"])
def test_a_city_is_found_under_its_names_in_other_languages(name: str) -> None:
    assert found(name) == found("Vienna")


@pytest.mark.parametrize("name", ["Köln", "koln", "Cologne"])
def test_accents_and_case_do_not_matter(name: str) -> None:
    assert found(name).country == "DE"


def test_a_listed_name_comes_before_another_name_of_a_bigger_city() -> None:
    assert found("York").country == "GB"  # GeoNames knows Toronto also as York


def test_unknown_names_are_not_found_but_similar_ones_are_told() -> None:
    assert find_place("Barcelna") is None
    assert "Barcelona" in similar_names("Barcelna")


def test_distances_are_those_of_the_globe() -> None:
    vienna, new_york = found("Vienna"), found("New York")
    distance = distance_km(vienna.latitude, vienna.longitude, new_york.latitude, new_york.longitude)
    assert distance == pytest.approx(6802, rel=0.005)  # WGS 84 geodesic; a sphere is within 0.5 %


def test_distances_cross_the_date_line_and_the_poles() -> None:
    assert distance_km(0, 179.5, 0, -179.5) == pytest.approx(111.2, abs=0.1)
    assert distance_km(89, 0, 89, 180) == pytest.approx(222.4, abs=0.1)
    assert distance_km(10, 20, 10, 20) == 0
