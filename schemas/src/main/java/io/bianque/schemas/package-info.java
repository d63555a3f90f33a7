/** Commands for those who change schemas: rewrite what is made from them and committed. */
package io.bianque.schemas;
