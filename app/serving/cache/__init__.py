"""Answers to rows that were predicted before: what makes them safe to give again, where they are kept, when it pays."""
