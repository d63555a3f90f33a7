/**
 * The enriched schema of a probe, made from its raw one field by field. A pure function: knows no
 * files, no registry.
 */
package io.bianque.schemas.derive;
