/**
 * What a raw schema may say: the logical types that give kernel fields their meaning, the
 * properties that tie a field to C, and the check that a schema keeps to both.
 */
package io.bianque.schemas.raw;
