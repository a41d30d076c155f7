package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Backup writes a consistent copy to a file that must not exist. Writers go on
// meanwhile. The copy is compact, synced to disk, and readable by its owner alone.
func (s *Store) Backup(ctx context.Context, file string) error {
	select {
	case <-s.closing:
		return errClosed()
	default:
	}
	return Backup(ctx, s.path, file)
}

// Backup copies the database at path as Store.Backup does, whether or not another
// process has it open.
func Backup(ctx context.Context, path, file string) (err error) {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			_ = os.Remove(file)
			err = fmt.Errorf("back up: %w", err)
		}
	}()
	c, err := dial(path, false, smallCacheKiB)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	stop := interruptWith(ctx, c)
	_, err = c.Exec(ctx, `VACUUM INTO ?`, file) // reads one snapshot and fills the empty file
	stop()
	if err != nil {
		return errors.Join(err, ctx.Err())
	}
	if err := f.Sync(); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
