"""Stories for "tell me a story": long enough to interrupt (half a minute and more of speech)."""

from __future__ import annotations

STORIES = (
    "This is the story of the lighthouse that learned to whistle. "
    "On a small island, far from any harbour, stood a lighthouse that had never missed a night. "
    "Every evening its lamp turned, and every ship that passed blew its horn in thanks. "
    "The lighthouse loved those horns, and it was sad that it could not answer. "
    "One autumn a storm broke a window high up in the tower. "
    "The keeper had no glass left, so he nailed a board over the hole, and he left a gap as wide as a finger. "
    "That night the wind came from the west, and the gap began to sing. "
    "It sang one low note, and then a higher one, and a fishing boat that had lost its way in the rain heard it. "
    "The fishermen could not see the light, but they steered by the song until they felt sand under the keel. "
    "In the morning they climbed the tower to thank the keeper, and they brought him a pane of glass. "
    "He looked at the glass for a long time. "
    "Then he put it under his bed, and he left the board where it was. "
    "Since then, on foggy nights, the ships do not blow their horns when they pass. "
    "They whistle. "
    "And the lighthouse whistles back. "
    "That is the end of the story.",
    "This is the story of the baker who sold mornings. "
    "In a town where it rained from Monday to Sunday, a baker lit her oven at three o'clock each night. "
    "Nobody thanked her for that, because everybody was asleep. "
    "But the smell of her bread went through the streets, under the doors, and up the stairs. "
    "It was the smell that woke the postman, and the postman's bicycle bell woke the teacher. "
    "The teacher's piano woke the children, and the children woke everyone else. "
    "One night the baker was ill, and the oven stayed cold. "
    "The postman slept, the bicycle stood against the wall, and the piano was silent. "
    "At noon the town was still in bed, and nobody knew why. "
    "At last a small girl, who was always hungry, walked to the bakery and knocked. "
    "She found the baker with a red nose and a thick scarf, and she understood everything at once. "
    "So she lit the oven herself, and she baked the only thing she could bake, which was gingerbread. "
    "At four in the afternoon the town woke up, and it was the best morning that anyone remembered. "
    "Ever since, the town has two mornings on Sundays. "
    "That is the end of the story.",
)
